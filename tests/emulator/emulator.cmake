# The CUDA runtime and cuBLASLt on the processor, for tests of the cuda device on machines without a card.
#   s4d_emulator       static: the runtime. Whoever compiles against it puts S4D_EMULATOR_INCLUDE first; whoever links it
#                      exports two of its functions, which the library below looks up
#   cublasLt_emulated  <build>/emulator/libcublasLt.so.13, opened while the program runs
#   s4d_emulated_cuda  both of the above for a target that wants headers and link options in one
set(S4D_EMULATOR_DIR ${CMAKE_CURRENT_LIST_DIR})
set(S4D_EMULATOR_INCLUDE ${S4D_EMULATOR_DIR}/include)

file(GLOB emulator_sources CONFIGURE_DEPENDS ${S4D_EMULATOR_DIR}/*.c)
add_library(s4d_emulator STATIC ${emulator_sources})
target_include_directories(s4d_emulator BEFORE PRIVATE ${S4D_EMULATOR_INCLUDE} ${S4D_EMULATOR_DIR})
target_link_libraries(s4d_emulator PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(s4d_emulator INTERFACE LINKER:--export-dynamic-symbol=s4d_emulator_enqueue
                    LINKER:--export-dynamic-symbol=s4d_emulator_on_card)

file(GLOB emulated_lt_sources CONFIGURE_DEPENDS ${S4D_EMULATOR_DIR}/lt/*.c)
add_library(cublasLt_emulated SHARED ${emulated_lt_sources})
target_include_directories(cublasLt_emulated BEFORE PRIVATE ${S4D_EMULATOR_INCLUDE})
target_compile_options(cublasLt_emulated PRIVATE -O3)
target_link_libraries(cublasLt_emulated PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(cublasLt_emulated PROPERTIES OUTPUT_NAME cublasLt VERSION 13 SOVERSION 13
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/emulator)

file(GLOB emulated_dnn_sources CONFIGURE_DEPENDS ${S4D_EMULATOR_DIR}/dnn/*.c)
add_library(cudnn_emulated SHARED ${emulated_dnn_sources})
target_include_directories(cudnn_emulated BEFORE PRIVATE ${S4D_EMULATOR_INCLUDE} ${S4D_EMULATOR_DIR}/dnn
                           ${S4D_EMULATOR_DIR}/../../include ${S4D_EMULATOR_DIR}/../../src)
target_link_libraries(cudnn_emulated PRIVATE ${CMAKE_DL_LIBS} m)
set_target_properties(cudnn_emulated PROPERTIES OUTPUT_NAME cudnn VERSION 9 SOVERSION 9
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/emulator)
add_dependencies(s4d_emulator cublasLt_emulated cudnn_emulated)

add_library(s4d_emulated_cuda INTERFACE)
target_include_directories(s4d_emulated_cuda BEFORE INTERFACE ${S4D_EMULATOR_INCLUDE})
target_link_libraries(s4d_emulated_cuda INTERFACE s4d_emulator)

# s4d_emulated_object(OBJECT out SOURCE file.cu [OPTIONS ...]): a .cu file compiled for the processor.
function(s4d_emulated_object)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "OBJECT;SOURCE" "OPTIONS")
  get_filename_component(stem ${arg_SOURCE} NAME_WE)
  if(S4D_WERROR)
    list(APPEND arg_OPTIONS -Werror)
  endif()
  if(S4D_SANITIZE)
    list(APPEND arg_OPTIONS -fsanitize=${S4D_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  endif()
  add_custom_command(
    OUTPUT ${arg_OBJECT} DEPENDS ${arg_SOURCE} DEPFILE ${arg_OBJECT}.d VERBATIM COMMENT "emulated ${stem}.cu"
    COMMAND ${CMAKE_C_COMPILER} -x c++ -std=c++17 -O2 -g -ffp-contract=off -fno-exceptions -fno-rtti -fno-threadsafe-statics
            -Wall -fPIC -D_GNU_SOURCE -DS4D_CUDA_EMULATED ${arg_OPTIONS} -I${S4D_EMULATOR_INCLUDE}
            -MD -MT ${arg_OBJECT} -MF ${arg_OBJECT}.d -c ${arg_SOURCE} -o ${arg_OBJECT})
  set_source_files_properties(${arg_OBJECT} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endfunction()

# The emulator's own tests, in the three orders of blocks; and, where there is nvcc, whether CUDA takes their source as well.
if(S4D_TESTS AND EXISTS ${S4D_EMULATOR_DIR}/test/main.c)
  enable_testing()
  file(GLOB emulator_tests CONFIGURE_DEPENDS ${S4D_EMULATOR_DIR}/test/*.c)
  file(GLOB emulator_kernels CONFIGURE_DEPENDS ${S4D_EMULATOR_DIR}/test/*.cu)
  set(emulator_objects "")
  foreach(source IN LISTS emulator_kernels)
    get_filename_component(stem ${source} NAME_WE)
    s4d_emulated_object(OBJECT ${CMAKE_BINARY_DIR}/emulator/${stem}.o SOURCE ${source})
    list(APPEND emulator_objects ${CMAKE_BINARY_DIR}/emulator/${stem}.o)
  endforeach()
  add_executable(emulator_test ${emulator_tests} ${emulator_objects})
  set_target_properties(emulator_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/emulator)
  target_compile_definitions(emulator_test PRIVATE EMULATED_LIBRARY="${CMAKE_BINARY_DIR}/emulator/libcublasLt.so.13")
  target_link_libraries(emulator_test PRIVATE s4d_emulated_cuda m)
  foreach(order IN ITEMS shuffled forward backward)
    add_test(NAME emulator_${order} COMMAND emulator_test)
    set_tests_properties(emulator_${order} PROPERTIES ENVIRONMENT S4D_EMULATOR_ORDER=${order})
  endforeach()
  find_program(S4D_EMULATOR_NVCC nvcc PATHS ENV CUDA_PATH ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES bin)
  if(S4D_EMULATOR_NVCC)
    add_test(NAME emulator_nvcc COMMAND sh ${S4D_EMULATOR_DIR}/test/compile_for_cuda.sh ${S4D_EMULATOR_NVCC} ${CMAKE_C_COMPILER}
                                        ${CMAKE_BINARY_DIR}/emulator ${emulator_kernels} ${emulator_tests})
  endif()
endif()
