/* s4d synth. */
#include <stdio.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "s4d/base/log.h"
#include "s4d/synth/synth.h"

s4d_status cmd_synth(int argc, char **argv, s4d_err *err)
{
    const char *output = NULL;
    int64_t seed = 1, size = 72, classes = 7, train_images = 6000, test_images = 420, train_clips = 1120, test_clips = 280,
            unlabelled_images = 6000, unlabelled_clips = 300, folds = 5;
    bool frames = false;
    const arg_option option[] = {
        {"output", ARG_TEXT, &output, "DIR", "folder to make", 0, 0},
        {"seed", ARG_NUMBER, &seed, "N", "same seed, same bytes (1)", 0, 9007199254740991},
        {"size", ARG_NUMBER, &size, "PIXELS", "side of the pictures, even (72)", 32, 512},
        {"classes", ARG_NUMBER, &classes, "N", "7, or MAFW's 11 (7)", 7, 11},
        {"train-images", ARG_NUMBER, &train_images, "N", "labelled pictures for training (6000)", 0, 99999},
        {"test-images", ARG_NUMBER, &test_images, "N", "labelled pictures for testing (420)", 0, 99999},
        {"train-clips", ARG_NUMBER, &train_clips, "N", "labelled clips for training, first fold (1120)", 0, 99999},
        {"test-clips", ARG_NUMBER, &test_clips, "N", "labelled clips for testing, first fold (280)", 0, 99999},
        {"unlabelled-images", ARG_NUMBER, &unlabelled_images, "N", "pictures for pre-training (6000)", 0, 99999},
        {"unlabelled-clips", ARG_NUMBER, &unlabelled_clips, "N", "clips for pre-training (300)", 0, 99999},
        {"folds", ARG_NUMBER, &folds, "N", "lists of clips, set_1 to set_N (5)", 1, 20},
        {"frames", ARG_FLAG, &frames, NULL, "clips as folders of frames instead of .mp4", 0, 0},
    };
    const arg_command c = {.name = "synth",
                           .summary = "draw a labelled sample set of faces",
                           .details = "Nobody in the pictures exists. People of the test lists are never in a training list.\n",
                           .option = option,
                           .options = sizeof option / sizeof *option};
    bool done;
    s4d_status status = args_parse(&c, argc, argv, &done, err);
    if (status != S4D_OK || done) return status;
    if (!output) return s4d_err_set(err, S4D_USAGE, "--output: no folder is given; name the one to make");
    s4d_synth_opts o = {.output = output, .seed = (uint64_t)seed, .size = (int)size, .classes = (int)classes,
                        .train_images = (int)train_images, .test_images = (int)test_images, .train_clips = (int)train_clips,
                        .test_clips = (int)test_clips, .unlabelled_images = (int)unlabelled_images,
                        .unlabelled_clips = (int)unlabelled_clips, .folds = (int)folds, .frame_folders = frames};
    status = s4d_synth_make(&o, err);
    if (status == S4D_OK) s4d_log(S4D_LOG_INFO, "%s is drawn; its README.md tells what is in it", output);
    return status;
}
