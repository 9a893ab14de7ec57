/* A pack damaged anywhere is refused in words. */
#include <unistd.h>

#include "data_pack_members.h"

static void test_every_altered_byte_of_the_index_is_found(void **state)
{
    hand_pack *p = *state;
    for (size_t i = 0; i < p->index.size; i++) {
        p->index.text[i] ^= 0x10;
        hand_write(p, "index.s4dpack", &p->index);
        refused(p, "index.s4dpack: ", ";");
        p->index.text[i] ^= 0x10;
    }
    hand_write(p, "index.s4dpack", &p->index);
}

static void test_an_index_cut_off_anywhere_is_found(void **state)
{
    hand_pack *p = *state;
    size_t whole = p->index.size;
    for (size_t n = 0; n < whole; n++) {
        p->index.size = n;
        hand_write(p, "index.s4dpack", &p->index);
        refused(p, "index.s4dpack: the index is damaged", "make it anew");
    }
    p->index.size = whole;
    s4d_str_add_bytes(&p->index, "", 1);
    hand_write(p, "index.s4dpack", &p->index);
    refused(p, "it is longer than it says", "make it anew");
    p->index.size = whole;
    hand_write(p, "index.s4dpack", &p->index);
}

/* What looks right from outside may say anything inside. All of it is asked for: nothing may crash, and an index that
 * is taken gives back what it says. */
static void exhaust(const hand_pack *p)
{
    s4d_store *store = NULL;
    s4d_strlist list = {0};
    s4d_err err = {0};
    s4d_status status = s4d_store_open(p->root, &store, &err);
    if (status != S4D_OK) {
        assert_int_equal(status, S4D_FAILED);
        assert_true(strncmp(err.text, p->root, strlen(p->root)) == 0 && strchr(err.text, ';'));
        return;
    }
    assert_int_equal(s4d_store_list(store, p->root, &list, NULL), S4D_OK);
    s4d_strlist_release(&list);
    for (size_t i = 0; i < MEMBERS; i++) {
        s4d_store_view view;
        s4d_store_read(store, MEMBER[i].name[0] == '/' ? MEMBER[i].name : hand_path(p, MEMBER[i].name), 0, &view, NULL);
        s4d_store_view_release(&view);
    }
    s4d_store_close(&store);
}

static void test_a_signed_index_may_say_anything(void **state)
{
    hand_pack *p = *state;
    static const unsigned char value[] = {0x00, 0x01, 0x2F, 0x7F, 0xFF};
    for (size_t i = 0; i + 8 < p->index.size; i++) {
        char kept = p->index.text[i];
        for (size_t k = 0; k < sizeof value; k++) {
            p->index.text[i] = (char)value[k];
            hand_sign(&p->index);
            hand_write(p, "index.s4dpack", &p->index);
            exhaust(p);
        }
        p->index.text[i] = kept;
    }
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
}

static void put_number(s4d_str *index, size_t at, int bytes, uint64_t value)
{
    for (int i = 0; i < bytes; i++) {
        index->text[at + (size_t)i] = (char)(value >> 8 * i);
    }
}

/* Each rule of the index, broken alone. The records stand behind head, settings (24 bytes) and two sizes. */
static void test_rules_of_the_index(void **state)
{
    hand_pack *p = *state;
    enum { SIZES = 64 + 24, RECORD = SIZES + 16 };
    static const struct {
        size_t at;
        int bytes;
        uint64_t value;
        const char *words;
    } c[] = {
        {0, 1, 'X', "its beginning is not that of an index"},
        {8, 4, 2, "is of version 2, and this s4d reads version 1"},
        {12, 4, 0xFFFFFFFF, "shorter than it says"},
        {16, 8, UINT64_MAX, "shorter than it says"},
        {16, 8, UINT64_MAX / 40 + 1, "shorter than it says"},
        {24, 8, UINT64_MAX, "shorter than it says"},
        {24, 8, UINT64_MAX - 6, "shorter than it says"},
        {32, 8, UINT64_MAX, "shorter than it says"},
        {16, 8, 1, "longer than it says"},
        {SIZES, 8, 63, "a shard has no size"},
        {SIZES, 8, UINT64_MAX, "a shard has no size"},
        {SIZES + 8, 8, 64, "lies outside of its shard"},
        {RECORD, 8, UINT64_MAX, "a member has no name"},
        {RECORD, 8, 1, "a member has no name"},
        {RECORD + 8, 4, 0, "a member has no name"},
        {RECORD + 8, 4, 15, "a member has no name"},
        {RECORD + 8, 4, 0xFFFFFFFF, "a member has no name"},
        {RECORD + 12, 4, 2, "\"/elsewhere/x.jpg\" lies outside of its shard"},
        {RECORD + 16, 8, 0, "lies outside of its shard"},
        {RECORD + 16, 8, 65, "lies outside of its shard"},
        {RECORD + 16, 8, UINT64_MAX - 63, "lies outside of its shard"},
        {RECORD + 24, 8, UINT64_MAX, "lies outside of its shard"},
        {RECORD + 40, 8, 0, "a member has no name"}, /* the next one's name begins where this one's does */
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char kept[8];
        memcpy(kept, p->index.text + c[i].at, sizeof kept);
        put_number(&p->index, c[i].at, c[i].bytes, c[i].value);
        hand_sign(&p->index);
        hand_write(p, "index.s4dpack", &p->index);
        refused(p, "index.s4dpack: ", c[i].words);
        memcpy(p->index.text + c[i].at, kept, sizeof kept);
    }
    /* Two records change places. */
    char first[40];
    memcpy(first, p->index.text + RECORD, 40);
    memcpy(p->index.text + RECORD, p->index.text + RECORD + 40, 40);
    memcpy(p->index.text + RECORD + 40, first, 40);
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
    refused(p, "index.s4dpack: ", "its members are not in order");
    memcpy(p->index.text + RECORD + 40, p->index.text + RECORD, 40);
    hand_sign(&p->index);
    hand_write(p, "index.s4dpack", &p->index);
    refused(p, "index.s4dpack: ", "its members are not in order"); /* one stands twice */
}

static void test_damaged_shards(void **state)
{
    hand_pack *p = *state;
    size_t whole = p->shard[1].size;
    for (size_t n = 0; n < whole; n++) {
        p->shard[1].size = n;
        hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
        refused(p, "shard-00001.s4dpack: the shard is cut off", n + 4 > whole ? "\"z/last.png\" is not among" : "are there");
    }
    p->shard[1].size = whole;
    s4d_str_add_bytes(&p->shard[1], "more", 4);
    hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
    refused(p, "shard-00001.s4dpack: the shard has", "but the index says");
    p->shard[1].size = whole;
    for (size_t i = 0; i < 64; i++) {
        p->shard[1].text[i] ^= 4;
        hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
        refused(p, "shard-00001.s4dpack: its beginning is not that of shard 1", "make it anew");
        p->shard[1].text[i] ^= 4;
    }
    assert_int_equal(remove(hand_path(p, "shard-00001.s4dpack")), 0);
    refused(p, "shard-00001.s4dpack: the shard is missing", "\"clip-2/1.png\" with it");
    assert_int_equal(s4d_dir_make(hand_path(p, "shard-00001.s4dpack"), NULL), S4D_OK);
    refused(p, "shard-00001.s4dpack: is not a regular file", "make it anew");
    assert_int_equal(rmdir(hand_path(p, "shard-00001.s4dpack")), 0);
    assert_int_equal(remove(hand_path(p, "index.s4dpack")), 0);
    assert_int_equal(s4d_dir_make(hand_path(p, "index.s4dpack"), NULL), S4D_OK);
    refused(p, "index.s4dpack: ", "is a folder");
}

/* Where the bytes of a member begin in a shard. */
static size_t place_of(const s4d_str *shard, const char *bytes)
{
    const char *at = memmem(shard->text, shard->size, bytes, strlen(bytes));
    assert_non_null(at);
    return (size_t)(at - shard->text);
}

static void test_altered_members_are_found_when_read(void **state)
{
    hand_pack *p = *state;
    size_t at = place_of(&p->shard[1], "other clip");
    for (size_t i = 0; i < strlen("other clip"); i++) {
        p->shard[1].text[at + i] ^= 1;
        hand_write(p, "shard-00001.s4dpack", &p->shard[1]);
        s4d_store *store = open_root(p->root);
        for (int turn = 0; turn < 2; turn++) {
            unreadable(store, hand_path(p, "clip-2/1.png"), "shard-00001.s4dpack: the bytes of \"clip-2/1.png\" were altered",
                       "copy the pack again");
        }
        reads(store, hand_path(p, "clip/10.png"), "ten");
        reads(store, hand_path(p, "a.jpg"), "first");
        s4d_store_close(&store);
        p->shard[1].text[at + i] ^= 1;
    }
}

/* What can no longer be read is a sentence with shard and member; what is there is still given out. */
static void test_a_shard_cut_off_while_open_is_found(void **state)
{
    hand_pack *p = *state;
    s4d_store *store = open_root(p->root);
    reads(store, hand_path(p, "z/last.png"), "last");
    assert_int_equal(truncate(hand_path(p, "shard-00001.s4dpack"), 0), 0);
    unreadable(store, hand_path(p, "z/last.png"), "shard-00001.s4dpack: the shard is cut off", "copy the pack again");
    reads(store, hand_path(p, "a.jpg"), "first");
    assert_int_equal(remove(hand_path(p, "shard-00000.s4dpack")), 0);
    reads(store, hand_path(p, "a.jpg"), "first"); /* the file lives as long as it is open */
    s4d_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_altered_byte_of_the_index_is_found, make, unmake),
        cmocka_unit_test_setup_teardown(test_an_index_cut_off_anywhere_is_found, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_signed_index_may_say_anything, make, unmake),
        cmocka_unit_test_setup_teardown(test_rules_of_the_index, make, unmake),
        cmocka_unit_test_setup_teardown(test_damaged_shards, make, unmake),
        cmocka_unit_test_setup_teardown(test_altered_members_are_found_when_read, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_shard_cut_off_while_open_is_found, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
