/* The check: every kind of finding, with its line; figures; a sample; the same from any number of threads. */
#include "dataset_check_fixture.h"

#include "s4d/base/json.h"

static s4d_check_report report_of(const char *manifest, s4d_check_opts o)
{
    s4d_check_report r;
    s4d_err err = {0};
    put_text("m.csv", manifest);
    o.manifest = in_folder("m.csv");
    if (s4d_check_run(&o, &r, &err) != S4D_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

static const s4d_check_opts ALL = {.decode = S4D_CHECK_ALL, .threads = 2};

/* All findings, "kind: sentence" a line, with the folder's name taken out. */
static void found(const s4d_check_report *r, const char *want)
{
    s4d_str text = {0};
    for (size_t i = 0; i < r->findings; i++) {
        const char *at, *sentence = r->finding[i].text;
        s4d_str_printf(&text, "%s: ", s4d_check_key(r->finding[i].kind));
        while ((at = strstr(sentence, folder))) {
            s4d_str_add_bytes(&text, sentence, (size_t)(at - sentence));
            s4d_str_add(&text, "@");
            sentence = at + strlen(folder);
        }
        s4d_str_printf(&text, "%s\n", sentence);
    }
    assert_string_equal(text.text ? text.text : "", want);
    s4d_str_release(&text);
}

static void a_good_set(void **state)
{
    (void)state;
    put_png("good/a.png", 6, 8, 1);
    put_png("good/b.png", 10, 4, 2);
    put_png("good/clip/001.png", 5, 5, 3);
    put_png("good/clip/002.png", 5, 5, 4);
    put_png("good/clip/003.png", 5, 5, 5);
    put_text("good/clip/notes.txt", "not a frame");
    s4d_check_report r = report_of(
        "path,label,split,subject\ngood/a.png,fear,train,p\ngood/b.png,fear,test,q\ngood/clip,anger,train,p\n", ALL);
    found(&r, "");
    assert_int_equal(r.pictures, 2);
    assert_int_equal(r.folders, 1);
    assert_int_equal(r.videos, 0);
    assert_int_equal(r.decoded, 3);
    assert_int_equal(r.frames, 5);
    assert_true(r.height.n == 3 && r.height.min == 5 && r.height.median == 6 && r.height.max == 10);
    assert_true(r.width.min == 4 && r.width.median == 5 && r.width.max == 8);
    assert_true(r.length.n == 1 && r.length.min == 3 && r.length.max == 3);
    assert_string_equal(r.root, folder);
    assert_null(r.set);
    s4d_check_release(&r);
}

static void what_is_on_disk(void **state)
{
    (void)state;
    put_png("disk/good.png", 6, 8, 1);
    put_part("disk/good.png", "disk/cut.png", 30);
    put_text("disk/empty.jpg", "");
    put_text("disk/words.jpg", "no picture at all");
    put_png("disk/clip/1.png", 5, 5, 3);
    put_png("disk/clip/2.png", 5, 6, 4);
    put_png("disk/clip/10.png", 5, 5, 5);
    put_png("disk/bad/1.png", 5, 5, 3);
    put_part("disk/good.png", "disk/bad/2.png", 20);
    put_text("disk/bad/3.png", "");
    assert_int_equal(s4d_dir_make(in_folder("disk/none"), NULL), S4D_OK);
    static const char manifest[] =
        "path,label,end\ndisk/gone.png,fear,\ndisk/cut.png,fear,\ndisk/empty.jpg,fear,\n"
        "disk/words.jpg,fear,\ndisk/clip,fear,\ndisk/bad,,\ndisk/none,fear,\ndisk/clip,fear,2\n";
    s4d_check_report r = report_of(manifest, ALL);
    assert_int_equal(r.count[S4D_CHECK_MISSING], 1);
    assert_int_equal(r.count[S4D_CHECK_UNREADABLE], 6);
    assert_int_equal(r.count[S4D_CHECK_MIXED_SIZES], 1);
    assert_int_equal(r.count[S4D_CHECK_ORDER], 1);
    assert_int_equal(r.count[S4D_CHECK_UNLABELLED], 1);
    assert_int_equal(s4d_check_faults(&r), 8);
    static const char *const want[] = {
        "line 2: disk/gone.png: there is no such file or folder",
        "/disk/cut.png: ",
        "/disk/empty.jpg: the file is empty; copy it again or take it out of the list",
        "/disk/words.jpg: ",
        "/disk/bad/2.png: ",
        "/disk/none: no picture (.jpg, .png, .bmp, ...) is in this folder",
        "/disk/clip: start and end are seconds of a video, but this is a folder; leave them out",
        "line 6: disk/clip: frame 1 is 6 x 5, the first is 5 x 5",
        "line 6: disk/clip: 2.png stands before 10.png by number, behind it by letter",
        "line 7: disk/bad has no label"};
    assert_int_equal(r.findings, sizeof want / sizeof *want);
    for (size_t i = 0; i < r.findings; i++) {
        assert_non_null(strstr(r.finding[i].text, want[i]));
    }
    assert_non_null(strstr(r.finding[4].text, "(2 of 3 frames cannot be read)"));
    s4d_check_release(&r);
    s4d_check_opts none = {.decode = 0, .threads = 1};
    r = report_of(manifest, none); /* what needs no decoding */
    assert_int_equal(r.count[S4D_CHECK_MISSING], 1);
    assert_int_equal(r.count[S4D_CHECK_UNREADABLE], 4); /* empty.jpg, bad/3.png, none, the cut folder */
    assert_int_equal(r.count[S4D_CHECK_ORDER], 1);
    assert_int_equal(r.decoded, 0);
    s4d_check_release(&r);
}

static void what_stands_twice(void **state)
{
    (void)state;
    put_png("twice/a.png", 6, 8, 1);
    put_png("twice/b.png", 6, 8, 1);
    put_png("twice/c.png", 6, 8, 2);
    put_png("twice/x/1.png", 5, 5, 1);
    put_png("twice/x/2.png", 5, 5, 2);
    put_png("twice/y/8.png", 5, 5, 1);
    put_png("twice/y/9.png", 5, 5, 2);
    put_png("twice/z/1.png", 5, 5, 2); /* the other order */
    put_png("twice/z/2.png", 5, 5, 1);
    s4d_check_report r = report_of("path,label\ntwice/a.png,fear\ntwice/b.png,Fear\ntwice/c.png,fear\ntwice/c.png,sad\n"
                                   "twice/x,fear\ntwice/y,anger\ntwice/z,fear\n",
                                   ALL);
    found(&r, "duplicate: lines 4 and 5: twice/c.png stands in both, with the labels fear and sadness\n"
              "same_content: lines 2 and 3: twice/a.png and twice/b.png hold the same bytes\n"
              "same_content: lines 6 and 7: twice/x and twice/y hold the same bytes, with the labels fear and anger\n");
    s4d_check_release(&r);
    for (int i = 0; i < 30; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d.png", i);
        put_png(name, 4, 4, 1);
    }
    s4d_str text = {0};
    s4d_str_add(&text, "path\n");
    for (int i = 0; i < 30; i++) {
        s4d_str_printf(&text, "many/%d.png\n", i);
    }
    r = report_of(text.text, ALL);
    assert_int_equal(r.count[S4D_CHECK_SAME_CONTENT], 29);
    s4d_check_release(&r);
    s4d_str_release(&text);
}

static void what_trains_and_tests(void **state)
{
    (void)state;
    put_png("split/a.png", 6, 8, 1);
    put_png("split/b.png", 6, 8, 1);
    put_png("split/c.png", 6, 8, 2);
    put_png("split/d.png", 6, 8, 3);
    s4d_check_report r =
        report_of("path,split,subject\nsplit/a.png,train,p\nsplit/b.png,test,q\nsplit/c.png,train,q\nsplit/c.png,val,\n"
                  "split/d.png,,r\n",
                  ALL);
    found(&r, "overlap: lines 4 and 5: split/c.png is in train and in val\n"
              "content_overlap: lines 2 and 3: split/a.png (train) and split/b.png (test) hold the same bytes\n"
              "subject_overlap: lines 3 and 4: subject q is in test and in train\n"
              "undivided: line 6: split/d.png has neither split nor fold, so it trains and tests\n");
    s4d_check_release(&r);
    r = report_of("path,fold,subject\nsplit/a.png,1,p\nsplit/b.png,2,p\nsplit/c.png,1,q\nsplit/c.png,1,q\n", ALL);
    found(&r, "duplicate: lines 4 and 5: split/c.png stands in both\n"
              "content_overlap: lines 2 and 3: split/a.png (fold 1) and split/b.png (fold 2) hold the same bytes\n"
              "subject_overlap: lines 2 and 3: subject p is in fold 1 and in fold 2\n");
    s4d_check_release(&r);
    /* In fold 1 the first trains nobody's test: train rows of a fold are those of the other folds. */
    r = report_of("path,split,fold,subject\nsplit/a.png,train,1,p\nsplit/c.png,test,1,p\nsplit/c.png,test,2,s\nsplit/"
                  "d.png,val,1,u\n"
                  "split/d.png,test,2,u\n",
                  ALL);
    found(
        &r,
        "duplicate: lines 3 and 4: split/c.png stands in both\nduplicate: lines 5 and 6: split/d.png stands in both\n");
    s4d_check_release(&r);
    r = report_of("path,split,fold,subject\nsplit/a.png,train,1,p\nsplit/c.png,test,2,p\n", ALL);
    found(&r, "subject_overlap: lines 2 and 3: subject p is in train, fold 1 and in test, fold 2\n");
    s4d_check_release(&r);
}

static void parts_of_a_video(void **state)
{
    (void)state;
    if (!s4d_video_library()) {
        skip();
    }
    s4d_video_writer *w;
    assert_int_equal(s4d_video_writer_create(in_folder("v.mp4"), 32, 48, 10, &w, NULL), S4D_OK);
    for (int i = 0; i < 20; i++) {
        s4d_image image = drawn(32, 48, i);
        assert_int_equal(s4d_video_writer_add(w, &image, NULL), S4D_OK);
        s4d_image_release(&image);
    }
    assert_int_equal(s4d_video_writer_close(&w, NULL), S4D_OK);
    put_part("v.mp4", "short.mp4", 200);
    s4d_check_report r =
        report_of("path,split,start,end\nv.mp4,train,0,0.5\nv.mp4,train,0.5,1\nv.mp4,train,0.4,0.9\nv.mp4,test,1,1.5\n"
                  "v.mp4,test,1.4,\nv.mp4,train,1.3,1.4\nv.mp4,test,30,31\nshort.mp4,test,,\n",
                  ALL);
    assert_int_equal(r.videos, 2);
    assert_int_equal(r.count[S4D_CHECK_OVERLAP], 1);
    assert_int_equal(r.count[S4D_CHECK_UNREADABLE], 2);
    assert_int_equal(r.findings, 3);
    assert_non_null(strstr(r.finding[0].text, "line 8: "));
    assert_non_null(strstr(r.finding[1].text, "short.mp4: "));
    assert_string_equal(r.finding[2].text,
                        "lines 5 and 7: v.mp4 is in test and in train"); /* line 6 begins where 7 ends */
    s4d_check_release(&r);
    r = report_of("path\nv.mp4\n", ALL);
    assert_int_equal(r.frames, 20);
    assert_true(r.length.median == 20 && r.height.max == 32 && r.width.max == 48);
    s4d_check_release(&r);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    s4d_str text = {0};
    s4d_str_add(&text, "path,label\n");
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "threads/%d.png", i);
        if (i % 7) {
            put_png(name, 4 + i % 3, 6, i % 15);
        }
        s4d_str_printf(&text, "%s,fear\n", name);
    }
    s4d_check_report first = report_of(text.text, (s4d_check_opts){.decode = S4D_CHECK_ALL, .threads = 1});
    assert_true(first.count[S4D_CHECK_MISSING] == 9 && first.count[S4D_CHECK_SAME_CONTENT] > 9);
    for (int threads = 0; threads <= 9; threads += 3) {
        s4d_check_report r = report_of(text.text, (s4d_check_opts){.decode = S4D_CHECK_ALL, .threads = threads});
        assert_int_equal(r.findings, first.findings);
        for (size_t i = 0; i < r.findings; i++) {
            assert_string_equal(r.finding[i].text, first.finding[i].text);
        }
        assert_true(r.frames == first.frames && r.height.median == first.height.median);
        s4d_check_release(&r);
    }
    s4d_check_release(&first);
    s4d_str_release(&text);
}

static void a_sample_is_the_same_each_time(void **state)
{
    (void)state;
    s4d_str text = {0};
    s4d_str_add(&text, "path\n");
    for (int i = 0; i < 30; i++) {
        char name[32];
        snprintf(name, sizeof name, "sample/%d.png", i);
        put_png(name, 4 + i, 6, i);
        s4d_str_printf(&text, "%s\n", name);
    }
    for (int wanted = 1; wanted <= 31; wanted += 10) {
        s4d_check_report a = report_of(text.text, (s4d_check_opts){.decode = wanted, .threads = 1});
        s4d_check_report b = report_of(text.text, (s4d_check_opts){.decode = wanted, .threads = 3});
        assert_int_equal(a.decoded, wanted < 30 ? wanted : 30);
        assert_int_equal(b.decoded, a.decoded);
        assert_memory_equal(&a.height, &b.height, sizeof a.height);
        s4d_check_release(&a);
        s4d_check_release(&b);
    }
    s4d_str_release(&text);
}

static void count_calls(void *arg, const s4d_check_progress *now)
{
    size_t *calls = arg;
    ++*calls;
    assert_true(now->done <= now->total && now->total > 0 && now->seconds >= 0);
}

static void progress_is_told(void **state)
{
    (void)state;
    size_t calls = 0;
    put_png("p.png", 4, 4, 1);
    s4d_check_report r =
        report_of("path\np.png\n", (s4d_check_opts){.decode = S4D_CHECK_ALL, .progress = count_calls, .arg = &calls});
    assert_true(calls > 0);
    s4d_check_release(&r);
}

static void manifests_that_cannot_be_checked(void **state)
{
    (void)state;
    s4d_check_report r;
    s4d_err err = {0};
    s4d_check_opts o = {.manifest = in_folder("m.csv")};
    put_text("m.csv", "path,label\n");
    assert_int_equal(s4d_check_run(&o, &r, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "m.csv: the manifest has no sample; add lines"));
    put_text("m.csv", "path,lable\na,b\n");
    assert_int_equal(s4d_check_run(&o, &r, &err), S4D_FAILED);
    assert_non_null(strstr(err.text, "did you mean label?"));
    assert_null(r.finding);
}

static void the_report_reads_back(void **state)
{
    (void)state;
    put_png("json/a.png", 6, 8, 1);
    s4d_check_report r = report_of("path,split\njson/a.png,train\njson/a.png,test\n\"json/\"\"b\"\".png\",test\n", ALL);
    s4d_err err = {0};
    s4d_bytes bytes;
    s4d_json *doc;
    assert_int_equal(s4d_check_write(in_folder("r.json"), &r, &err), S4D_OK);
    s4d_check_release(&r);
    assert_int_equal(s4d_file_read(in_folder("r.json"), 0, &bytes, NULL), S4D_OK);
    assert_int_equal(s4d_json_parse((const char *)bytes.data, bytes.size, "r.json", &doc, &err), S4D_OK);
    const s4d_json *faults = s4d_json_find(doc, "faults"), *overlap = s4d_json_at(faults, 1);
    assert_int_equal(s4d_json_count(faults), 2);
    assert_false(s4d_json_bool(s4d_json_find(doc, "good")));
    assert_string_equal(s4d_json_string(s4d_json_find(s4d_json_at(faults, 0), "path")), "json/\"b\".png");
    assert_string_equal(s4d_json_string(s4d_json_find(overlap, "kind")), "overlap");
    assert_true(s4d_json_number(s4d_json_find(overlap, "line")) == 2 &&
                s4d_json_number(s4d_json_find(overlap, "other_line")) == 3);
    assert_true(s4d_json_number(s4d_json_find(s4d_json_find(doc, "counts"), "missing")) == 1);
    assert_int_equal(s4d_json_count(s4d_json_find(doc, "notes")), 0);
    s4d_json_destroy(&doc);
    s4d_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_set),
        cmocka_unit_test(what_is_on_disk),
        cmocka_unit_test(what_stands_twice),
        cmocka_unit_test(what_trains_and_tests),
        cmocka_unit_test(parts_of_a_video),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_sample_is_the_same_each_time),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(manifests_that_cannot_be_checked),
        cmocka_unit_test(the_report_reads_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
