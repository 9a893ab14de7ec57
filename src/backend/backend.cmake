# The devices. ref is compiled twice, as float and as double; cpu may use the machine's own vector units; cuda.cmake.
s4d_layer(backend LINKS base tensor)

file(GLOB ref_sources CONFIGURE_DEPENDS src/backend/ref/*.c)
foreach(real IN ITEMS f32 f64)
  add_library(s4d_ref_${real} OBJECT ${ref_sources})
  target_include_directories(s4d_ref_${real} PRIVATE include src)
  target_compile_definitions(s4d_ref_${real} PRIVATE S4D_REF_${real})
  target_sources(s4d_backend PRIVATE $<TARGET_OBJECTS:s4d_ref_${real}>)
endforeach()

file(GLOB cpu_sources CONFIGURE_DEPENDS src/backend/cpu/*.c)
add_library(s4d_cpu OBJECT ${cpu_sources})
target_include_directories(s4d_cpu PRIVATE include src ${S4D_PRODUCTS_INCLUDE})
target_compile_definitions(s4d_cpu PRIVATE ${S4D_PRODUCTS_DEFINITION})
target_compile_options(s4d_cpu PRIVATE -O3 -ffp-contract=fast ${OpenMP_C_FLAGS})
if(S4D_NATIVE)
  target_compile_options(s4d_cpu PRIVATE -march=native)
endif()
target_sources(s4d_backend PRIVATE $<TARGET_OBJECTS:s4d_cpu>)
target_link_libraries(s4d_backend PRIVATE ${S4D_PRODUCTS_LIBRARY} OpenMP::OpenMP_C)

include(src/backend/cuda/cuda.cmake)
