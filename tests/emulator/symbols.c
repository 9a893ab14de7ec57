/* Names of functions, and their static variables, from the program's own symbol table: kernels are static functions, which the
 * loader does not know. Without symbols nothing is found, and nothing breaks. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator_private.h"

/* The file that holds the program's code, mapped once and for good. */
static struct {
    const unsigned char *file;
    const ElfW(Sym) *symbol;
    size_t count;
    const char *names;
    uintptr_t base; /* what is added to the symbols' values */
    bool tried;
} table;

static const unsigned char *map(const char *path, size_t *size)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *at = MAP_FAILED;
    if (file < 0) return NULL;
    if (fstat(file, &info) == 0) {
        *size = (size_t)info.st_size;
        at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    close(file);
    return at == MAP_FAILED ? NULL : at;
}

static void load(const void *function)
{
    Dl_info info;
    size_t size = 0;
    table.tried = true;
    if (!dladdr(function, &info)) return;
    const unsigned char *file = map("/proc/self/exe", &size);
    if (!file || size < sizeof(ElfW(Ehdr)) || memcmp(file, ELFMAG, SELFMAG) != 0) return;
    const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)(const void *)file;
    const ElfW(Shdr) *section = (const ElfW(Shdr) *)(const void *)(file + head->e_shoff);
    for (int i = 0; head->e_shoff && i < head->e_shnum; ++i) {
        if (section[i].sh_type != SHT_SYMTAB) continue;
        table.symbol = (const ElfW(Sym) *)(const void *)(file + section[i].sh_offset);
        table.count = section[i].sh_size / sizeof(ElfW(Sym));
        table.names = (const char *)file + section[section[i].sh_link].sh_offset;
        table.base = head->e_type == ET_DYN ? (uintptr_t)info.dli_fbase : 0;
    }
}

const char *emu_symbol(const void *function)
{
    if (!table.tried) load(function);
    for (size_t i = 0; i < table.count; ++i) {
        const ElfW(Sym) *s = &table.symbol[i];
        if ((s->st_info & 0xf) == STT_FUNC && table.base + s->st_value == (uintptr_t)function) return table.names + s->st_name;
    }
    return NULL;
}

/* A static variable of _Z<function> is called _ZZ<function>E<name>. */
int emu_statics(const void *function, emu_range *range, int most)
{
    const char *name = emu_symbol(function);
    int found = 0;
    if (!name || strncmp(name, "_Z", 2) != 0) return 0;
    size_t length = strlen(name + 2);
    for (size_t i = 0; i < table.count && found < most; ++i) {
        const ElfW(Sym) *s = &table.symbol[i];
        const char *own = table.names + s->st_name;
        if ((s->st_info & 0xf) != STT_OBJECT || strncmp(own, "_ZZ", 3) != 0 || strncmp(own + 3, name + 2, length) != 0 ||
            own[3 + length] != 'E')
            continue;
        range[found++] = (emu_range){(void *)(table.base + s->st_value), s->st_size};
    }
    return found;
}
