# SPDX-License-Identifier: MIT
# The texts of knowledge/, checked and made into the tables of the knowledge layer.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB knowledge_texts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/knowledge/*.txt)
set(knowledge_table ${PROJECT_BINARY_DIR}/knowledge_table.c)
add_custom_command(OUTPUT ${knowledge_table}
  COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tools/embed_knowledge.py
    knowledge ${knowledge_table}
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} # messages name knowledge/FILE:LINE
  DEPENDS ${knowledge_texts} ${PROJECT_SOURCE_DIR}/tools/embed_knowledge.py
  COMMENT "Checking and embedding knowledge/" VERBATIM)
target_sources(knowledge PRIVATE ${knowledge_table})
