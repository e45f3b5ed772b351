# SPDX-License-Identifier: MIT
# For the whole build, so that libraries and tests agree: "address,undefined",
# and "fuzzer-no-link" with the fuzz preset.
set(SANITIZE "" CACHE STRING "sanitizers to compile with")
option(COVERAGE "measure test coverage" OFF)

if(SANITIZE)
  add_compile_options(-fsanitize=${SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SANITIZE})
endif()
if(COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
