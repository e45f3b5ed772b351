# SPDX-License-Identifier: MIT
option(WARNINGS_AS_ERRORS "treat compiler warnings as errors" OFF)

set(CONN_DOCTOR_WARNINGS
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wwrite-strings
  -Wpointer-arith -Wundef -Wvla -Wformat=2)
if(WARNINGS_AS_ERRORS)
  list(APPEND CONN_DOCTOR_WARNINGS -Werror)
endif()
