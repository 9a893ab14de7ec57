/* What the address sanitizer must be told of fences and of fibers. */
#ifndef S4D_EMULATOR_SANITIZER_H
#define S4D_EMULATOR_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define EMU_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef EMU_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define EMU_POISON(at, bytes) __asan_poison_memory_region(at, bytes)
#define EMU_UNPOISON(at, bytes) __asan_unpoison_memory_region(at, bytes)
#else
#define EMU_POISON(at, bytes) ((void)(at))
#define EMU_UNPOISON(at, bytes) ((void)(at))
#endif

#endif
