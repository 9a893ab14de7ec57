# The cuda device. Kernels are compiled by nvcc, all else by the C compiler, which links too: nothing of the C++ library is
# needed. With S4D_CUDA_EMULATE the same sources are compiled for the processor, over tests/emulator.

# What is kept of calls and plans knows nothing of CUDA, and is tested in every build.
set(cuda_portable constant_ring.c cudnn_attention.c cudnn_graph.c cudnn_plan.c gemm_plan.c graph_record.c library.c)
list(TRANSFORM cuda_portable PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/src/backend/cuda/)
target_sources(s4d_backend PRIVATE ${cuda_portable})

file(GLOB cuda_sources CONFIGURE_DEPENDS src/backend/cuda/*.c)
list(REMOVE_ITEM cuda_sources ${cuda_portable})
file(GLOB cuda_kernels CONFIGURE_DEPENDS src/backend/cuda/*.cu)

# The host's half: s4d_cuda, in C. Without the C++ library kernels must not throw or guard their statics.
set(cuda_kernel_options -fno-exceptions -fno-rtti -fno-threadsafe-statics -Wall)
function(s4d_cuda_host)
  add_library(s4d_cuda OBJECT ${cuda_sources})
  target_include_directories(s4d_cuda PRIVATE include src)
  target_compile_definitions(s4d_cuda PRIVATE S4D_WITH_CUDA)
  target_compile_definitions(s4d_backend PUBLIC S4D_WITH_CUDA)
  target_sources(s4d_backend PRIVATE $<TARGET_OBJECTS:s4d_cuda>)
endfunction()

# ---- the real thing ----

function(s4d_cuda_find_nvcc)
  if(CMAKE_CUDA_COMPILER)
    set(S4D_NVCC ${CMAKE_CUDA_COMPILER} CACHE FILEPATH "NVIDIA's compiler" FORCE)
  endif()
  find_program(S4D_NVCC nvcc PATHS ENV CUDA_PATH ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES bin DOC "NVIDIA's compiler")
  if(S4D_NVCC)
    execute_process(COMMAND ${S4D_NVCC} --version OUTPUT_VARIABLE said ERROR_QUIET)
    if(NOT said MATCHES "release ([0-9]+)" OR CMAKE_MATCH_1 LESS 12)
      message(STATUS "${S4D_NVCC} is not of CUDA 12 or later, which the cuda device needs")
      set(S4D_NVCC S4D_NVCC-NOTFOUND PARENT_SCOPE)
    endif()
  endif()
endfunction()

# -gencode for each card that was asked for, or that nvcc knows, and PTX of the newest for cards to come.
function(s4d_cuda_codes out)
  set(cards ${S4D_CUDA_ARCHITECTURES})
  if(NOT cards)
    execute_process(COMMAND ${S4D_NVCC} --list-gpu-arch OUTPUT_VARIABLE known)
    foreach(card IN ITEMS 80 86 89 90 100 120)
      if(known MATCHES "compute_${card}\n")
        list(APPEND cards ${card})
      endif()
    endforeach()
  endif()
  foreach(card IN LISTS cards)
    list(APPEND codes -gencode arch=compute_${card},code=sm_${card})
  endforeach()
  list(GET cards -1 newest)
  list(APPEND codes -gencode arch=compute_${newest},code=compute_${newest})
  message(STATUS "The cuda device by ${S4D_NVCC}, for ${cards}")
  set(${out} ${codes} PARENT_SCOPE)
endfunction()

# What belongs to nvcc, which may be a script somewhere else: it says itself where its tree is.
function(s4d_cuda_find_runtime)
  execute_process(COMMAND ${S4D_NVCC} --dryrun -E -x cu /dev/null ERROR_VARIABLE words OUTPUT_QUIET)
  if(words MATCHES "TOP=([^\n]*)")
    get_filename_component(tree ${CMAKE_MATCH_1} ABSOLUTE)
  endif()
  set(targets ${tree}/targets/${CMAKE_SYSTEM_PROCESSOR}-linux ${tree}/targets/sbsa-linux)
  find_path(S4D_CUDA_INCLUDE cuda_runtime_api.h HINTS ${tree} ${targets} PATH_SUFFIXES include REQUIRED)
  find_library(S4D_CUDART cudart_static HINTS ${tree} ${targets} PATH_SUFFIXES lib64 lib REQUIRED)
endfunction()

function(s4d_cuda_real)
  s4d_cuda_find_runtime()
  s4d_cuda_codes(codes)
  if(CMAKE_CUDA_HOST_COMPILER)
    list(APPEND more -ccbin ${CMAKE_CUDA_HOST_COMPILER})
  endif()
  if(S4D_WERROR)
    list(APPEND more -Werror all-warnings)
  endif()
  string(REPLACE ";" "," host_options "${cuda_kernel_options};-fPIC")
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/cuda)
  file(MAKE_DIRECTORY ${folder})
  foreach(kernel IN LISTS cuda_kernels)
    get_filename_component(stem ${kernel} NAME_WE)
    set(object ${folder}/${stem}.o)
    add_custom_command(
      OUTPUT ${object} DEPENDS ${kernel} DEPFILE ${folder}/${stem}.d VERBATIM COMMENT "nvcc ${stem}.cu"
      COMMAND ${S4D_NVCC} -std=c++17 -O3 --generate-line-info ${codes} ${more} -Xcompiler ${host_options}
              -I${CMAKE_CURRENT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}/src
              -MD -MT ${object} -MF ${folder}/${stem}.d -c ${kernel} -o ${object})
    target_sources(s4d_backend PRIVATE ${object})
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  endforeach()
  s4d_cuda_host()
  target_include_directories(s4d_cuda SYSTEM PRIVATE ${S4D_CUDA_INCLUDE})
  target_link_libraries(s4d_backend PRIVATE ${S4D_CUDART} Threads::Threads ${CMAKE_DL_LIBS} rt)
endfunction()

# ---- over the emulator ----

# emulator.cmake gives s4d_emulator, what CUDA's headers declare, and s4d_emulated_object.
function(s4d_cuda_emulated)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cuda)
  foreach(kernel IN LISTS cuda_kernels)
    get_filename_component(stem ${kernel} NAME_WE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/cuda/${stem}.o)
    s4d_emulated_object(OBJECT ${object} SOURCE ${kernel}
                        OPTIONS -I${CMAKE_CURRENT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}/src)
    target_sources(s4d_backend PRIVATE ${object})
  endforeach()
  s4d_cuda_host()
  target_compile_definitions(s4d_backend PUBLIC S4D_CUDA_EMULATED)
  target_compile_definitions(s4d_cuda PRIVATE S4D_CUDA_EMULATED)
  target_compile_definitions(s4d_backend PRIVATE S4D_CUDA_LIBRARY_DIR="${CMAKE_BINARY_DIR}/emulator")
  target_include_directories(s4d_cuda BEFORE PRIVATE ${S4D_EMULATOR_INCLUDE})
  target_link_libraries(s4d_backend PRIVATE s4d_emulator)
endfunction()

# ---- which of them ----

if(S4D_CUDA_EMULATE)
  include(tests/emulator/emulator.cmake)
  s4d_cuda_emulated()
elseif(NOT S4D_CUDA STREQUAL "OFF")
  s4d_cuda_find_nvcc()
  if(S4D_NVCC)
    s4d_cuda_real()
  elseif(S4D_CUDA STREQUAL "AUTO")
    message(STATUS "No cuda device, as no nvcc of CUDA 12 or later was found")
  else()
    message(FATAL_ERROR "S4D_CUDA=ON, but no nvcc of CUDA 12 or later was found; put it on the PATH, give -DCMAKE_CUDA_COMPILER=/path/to/nvcc, "
                        "or set S4D_CUDA=OFF")
  endif()
endif()
