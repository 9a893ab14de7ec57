/* Every setting, once: where it goes, its range, its default in each stage, what it means. The published value stands as
 * default but where METHOD.md section 9 names a sensible one. */
#include "config/fields.h"

#define AT(member) offsetof(s4d_run_opts, member)
#define BOTH(value) {value, value}
#define BIG 1e9

#define INT(path, member, low, high, defaults, help)                                               \
    {path, S4D_FIELD_INT, AT(member), 0, low, high, NULL, defaults, help}
#define NUMBER(path, member, low, high, defaults, help)                                            \
    {path, S4D_FIELD_NUMBER, AT(member), 0, low, high, NULL, defaults, help}
#define BOOL(path, member, defaults, help)                                                         \
    {path, S4D_FIELD_BOOL, AT(member), 0, 0, 1, NULL, defaults, help}
#define STRING(path, member, defaults, help)                                                       \
    {path, S4D_FIELD_STRING, AT(member), sizeof(((s4d_run_opts *)0)->member), 0, 0, NULL, defaults, help}
#define CHOICE(path, member, choices, defaults, help)                                              \
    {path, S4D_FIELD_CHOICE, AT(member), 0, 0, 0, choices, defaults, help}
#define PAIR(path, member, low, high, defaults, help)                                              \
    {path, S4D_FIELD_PAIR, AT(member), 0, low, high, NULL, defaults, help}
#define D(pretrain, finetune) {pretrain, finetune}

/* A tower of transformer blocks. */
#define TOWER(path, member, width, blocks, count)                                                  \
    INT(path ".dim", member.dim, 1, 65536, BOTH(width), "width of a token"),                       \
    INT(path ".depth", member.depth, 1, S4D_MAX_LAYERS, BOTH(blocks), "blocks"),                   \
    INT(path ".heads", member.heads, 1, 1024, BOTH(count), "attention heads; divides dim")

/* A set, without what differs between pictures and videos. */
#define SET_LISTS(path, member, name_default)                                                      \
    STRING(path ".name", member.name, BOTH(name_default), "names the results' folder"),            \
    STRING(path ".root", member.root, BOTH("\"\""), "folder the lists and their paths are below"), \
    STRING(path ".train", member.train, BOTH("\"\""), "training list, below root unless absolute"), \
    STRING(path ".val", member.val, BOTH("\"\""),                                                 \
           "validation list, below root unless absolute; \"\": a manifest's rows of split val, if it has any"), \
    STRING(path ".test", member.test, BOTH("\"\""), "test list, below root unless absolute"),      \
    CHOICE(path ".format", member.format, "manifest|csv|text|paths", D("\"paths\"", "\"manifest\""), \
           "lines of the lists: manifest: csv with the header path,label, labels by name; csv: a two-column header, labels by " \
           "number; text: path and number; paths: no labels"),                                     \
    {path ".classes", S4D_FIELD_CLASSES, AT(member), 0, 0, 0, NULL, BOTH("[]"),                    \
     "class names in index order, or a known table: afew, affectnet7, affectnet8, caer, caers, ckextended, ckplus, cremad, " \
     "dfew, enterface, fer2013, ferplus, ferv39k, ferv39k_maedfer, mafw, mafw_dferclip, mafw_maedfer, oulucasia, rafdb, " \
     "rafdb_compound, ravdess, sfew"},                                                             \
    INT(path ".fold", member.fold, 0, 1000, BOTH("0"), "the fold that is tested, of a manifest or of lists with {fold} in their names; 0: none"), \
    INT(path ".first_label", member.first_label, 0, 1, BOTH("0"), "number of the first class in numbered lists"), \
    INT(path ".zero_pad", member.zero_pad, 0, 32, BOTH("0"), "fills a number as path with zeros to this width; 0: not"), \
    STRING(path ".suffix", member.suffix, BOTH("\"\""), "put after each path of a list, such as .mp4"), \
    BOOL(path ".exif_orientation", member.exif_orientation, BOTH("false"),                         \
         "images are turned as their EXIF orientation says (published: those of fine-tuning); false: as stored"), \
    STRING(path ".source_crop", member.source_crop, BOTH("\"\""),                                  \
           "cut from every frame first: top,left,height,width; \"\": nothing")

#define SET_AUGMENT(path, member, policy, filter)                                                                  \
    PAIR(path ".augment.ratio", member.augment.ratio, 1e-3, 1e3, BOTH("[0.75, 1.3333333333333333]"), \
         "width over height of a random resized crop"),                                            \
    NUMBER(path ".augment.flip", member.augment.flip, 0, 1, BOTH("0.5"), "probability of a left-right flip"), \
    STRING(path ".augment.randaugment", member.augment.randaugment, D("\"\"", "\"" policy "\""),             \
           "RandAugment as timm writes it: m (magnitude), n (operations), mstd, mmax, inc1, p; \"\": none"), \
    CHOICE(path ".augment.interpolation", member.augment.interpolation, "bicubic|bilinear|either", BOTH("\"" filter "\""), \
           "of RandAugment's operations that move pixels; either: drawn for each"),                \
    NUMBER(path ".augment.erase_prob", member.augment.erase_prob, 0, 1, D("0", "0.25"), "probability of random erasing")

#define CROPS "none|random|resized|resized_bicubic"
#define CROP_HELP                                                                                  \
    "none: the whole frame; random: a cut of img_size; resized: random resized crop, bilinear in float; resized_bicubic: the " \
    "same by Pillow's bicubic on bytes"
#define ERASE_HELP "what an erased box holds: black before normalising, or noise after it"

const s4d_field s4d_fields[] = {
    CHOICE("stage", stage, "pretrain|finetune", BOTH(NULL), "what the config is for; evaluation uses finetune"),
    STRING("output", output, BOTH("\"\""), "the run folder"),
    STRING("init", init, BOTH("\"\""), "weights to begin from, whatever \"s4d ckpt import\" reads; \"\": random"),
    STRING("init_key", init_key, BOTH("\"\""), "where in that file the model is, keys joined by dots, such as model_ema; \"\": by the keys in use"),
    STRING("init_strip", init_strip, BOTH("\"\""), "what its names begin with, besides known wrappers; \"\": nothing"),
    STRING("checkpoint", checkpoint, BOTH("\"\""), "evaluation: the model; {fold} in it stands for data.video.fold"),
    STRING("device", device, BOTH("\"auto\""), "cuda, cpu, or ref (naive and slow, for comparison); auto: cuda where it works, else cpu"),
    CHOICE("precision", precision, "float32|tf32|bf16", BOTH("\"float32\""),
           "float32; on cuda also tf32 (its factors in products only) or bf16 (activations and the weights of products)"),
    CHOICE("cuda.attention", cuda.attention, "auto|cudnn|unfused", BOTH("\"auto\""),
           "auto: cuDNN where its self-test passes, in bf16; unfused: products and a softmax"),
    BOOL("cuda.deterministic", cuda.deterministic, BOTH("true"), "the same bits in every run; false: faster sums in any order"),
    BOOL("cuda.graphs", cuda.graphs, BOTH("true"), "steps are recorded once and launched as a whole; never changes a result"),
    STRING("op", op, BOTH("\"\""), "operations taken from ref, NAME=ref,..., to find a wrong one"),
    INT("threads", threads, 0, 4096, BOTH("0"), "threads of the device; 0: OMP_NUM_THREADS, or all processors"),
    {"seed", S4D_FIELD_INT64, AT(seed), 0, 0, 9007199254740991.0, NULL, BOTH("0"), "of every random draw"},

    INT("model.img_size", model.img_size, 1, 4096, BOTH("160"), "side of a picture in pixels (S)"),
    INT("model.patch_size", model.patch_size, 1, 1024, BOTH("16"), "side of a patch (P); divides img_size"),
    INT("model.num_frames", model.num_frames, 1, 1024, BOTH("16"), "frames of a clip (T)"),
    INT("model.tubelet_size", model.tubelet_size, 1, 64, BOTH("2"), "frames of a token (t); divides num_frames"),
    TOWER("model.encoder", model.encoder, "768", "12", "12"),
    TOWER("model.decoder", model.decoder, "384", "4", "6"),
    INT("model.mlp_ratio", model.mlp_ratio, 1, 64, BOTH("4"), "hidden width of an MLP over dim"),
    NUMBER("model.drop_path", model.drop_path, 0, 0.99, BOTH("0"), "rate of the last block; rises linearly from 0"),
    {"model.moae.layers", S4D_FIELD_LAYERS, AT(model.moae), 0, 0, S4D_MAX_LAYERS - 1, NULL, D("[]", "[6, 7, 8, 9, 10, 11]"),
     "blocks with experts, from 0, rising; []: a plain ViT"},
    INT("model.moae.experts", model.moae.experts, 1, 64, BOTH("8"), "experts of a layer (E)"),
    INT("model.moae.top_k", model.moae.top_k, 1, 64, BOTH("2"), "experts a token goes to (k)"),
    INT("model.moae.reduction", model.moae.reduction, 1, 1024, BOTH("4"), "an expert is dim / reduction wide"),
    NUMBER("model.moae.capacity_factor", model.moae.capacity_factor, 1e-3, 64, BOTH("1"),
           "an expert takes tokens * k / E * this"),
    NUMBER("model.moae.balance_coef", model.moae.balance_coef, 0, 1e3, BOTH("0.001"), "weight of the balance loss"),
    CHOICE("model.moae.balance_loss", model.moae.balance_loss, "logits|softmax", BOTH("\"softmax\""),
           "softmax: as in Switch Transformer; logits: as published"),
    BOOL("model.moae.eval_noise", model.moae.eval_noise, BOTH("false"), "router noise in evaluation (published: true)"),
    BOOL("model.moae.eval_capacity", model.moae.eval_capacity, BOTH("false"),
         "capacity limit in evaluation (published: true); a prediction then depends on its batch"),

    INT("data.workers", data.workers, 0, 256, BOTH("2"), "decoding threads; never changes a result"),
    CHOICE("data.on_bad_sample", data.on_bad_sample, "fail|skip", BOTH("\"fail\""),
           "unreadable samples: end the run, or leave them out, counted and named"),
    CHOICE("data.check", data.check, "paths|content", BOTH("\"paths\""),
           "what finds samples that are in two lists before training: their files, or also the bytes of files of one size"),
    BOOL("data.same_list", data.same_list, BOTH("false"), "train though every sample of a test or validation list is trained on"),
    CHOICE("data.frame_order", data.frame_order, "natural|lexicographic", BOTH("\"natural\""),
           "of frames in a folder: 1, 2, 10 or (published) 1, 10, 2"),

    SET_LISTS("data.image", data.image, "\"image\""),
    INT("data.image.batch", data.image.batch, 1, 65536, BOTH("32"), "pictures in a batch"),
    NUMBER("data.image.rate", data.image.rate, 1e-6, 1e6, D("1", "0.5"), "share of the set's batches in an epoch"),
    BOOL("data.image.balanced", data.image.balanced, D("false", "true"), "draw with replacement, each class equally often"),
    INT("data.image.augment.resize", data.image.augment.resize, 0, 16384, D("0", "=1.2"),
        "first to a square of this side by Pillow's bilinear; 0: not"),
    INT("data.image.augment.short_side", data.image.augment.short_side, 0, 16384, BOTH("0"),
        "short side to this, bilinear in float; 0: not"),
    CHOICE("data.image.augment.crop", data.image.augment.crop, CROPS, D("\"resized_bicubic\"", "\"random\""), CROP_HELP),
    PAIR("data.image.augment.area", data.image.augment.area, 1e-6, 1, BOTH("[0.2, 1]"), "share of the area of a random resized crop"),
    SET_AUGMENT("data.image", data.image, "rand-m9-n2-mstd0.5-inc1", "either"),
    PAIR("data.image.augment.erase_area", data.image.augment.erase_area, 1e-6, 1, BOTH("[0.02, 0.33]"), "share erased"),
    PAIR("data.image.augment.erase_aspect", data.image.augment.erase_aspect, 1e-3, 1e3, BOTH("[0.3, 3.3]"), "height over width erased"),
    INT("data.image.augment.erase_attempts", data.image.augment.erase_attempts, 1, 10000, BOTH("10"), "draws before giving up"),
    CHOICE("data.image.augment.erase_fill", data.image.augment.erase_fill, "none|black|noise", BOTH("\"black\""), ERASE_HELP),

    SET_LISTS("data.video", data.video, "\"video\""),
    INT("data.video.sampling_rate", data.video.sampling_rate, 1, 1024, BOTH("4"), "stride between a clip's frames"),
    INT("data.video.batch", data.video.batch, 1, 65536, D("32", "16"), "clips in a batch"),
    NUMBER("data.video.rate", data.video.rate, 1e-6, 1e6, D("0.25", "1"), "share of the set's batches in an epoch"),
    BOOL("data.video.balanced", data.video.balanced, BOTH("false"), "draw with replacement, each class equally often"),
    INT("data.video.repeat", data.video.repeat, 1, 64, D("4", "1"), "samples made of each decoded clip; divides batch"),
    INT("data.video.augment.resize", data.video.augment.resize, 0, 16384, D("0", "=1"),
        "first to a square of this side by Pillow's bilinear; 0: not"),
    INT("data.video.augment.short_side", data.video.augment.short_side, 0, 16384, D("=1.2", "0"),
        "short side to this, bilinear in float; 0: not"),
    CHOICE("data.video.augment.crop", data.video.augment.crop, CROPS, BOTH("\"resized\""), CROP_HELP),
    PAIR("data.video.augment.area", data.video.augment.area, 1e-6, 1, BOTH("[0.08, 1]"), "share of the area of a random resized crop"),
    SET_AUGMENT("data.video", data.video, "rand-m7-n4-mstd0.5-inc1", "bicubic"),
    PAIR("data.video.augment.erase_area", data.video.augment.erase_area, 1e-6, 1, BOTH("[0.02, 0.3333333333333333]"), "share erased"),
    PAIR("data.video.augment.erase_aspect", data.video.augment.erase_aspect, 1e-3, 1e3, BOTH("[0.3, 3.3333333333333335]"),
         "height over width erased"),
    INT("data.video.augment.erase_attempts", data.video.augment.erase_attempts, 1, 10000, BOTH("100"), "draws before giving up"),
    CHOICE("data.video.augment.erase_fill", data.video.augment.erase_fill, "none|black|noise", BOTH("\"noise\""), ERASE_HELP),

    NUMBER("data.mixing.mixup", data.mixing.mixup, 0, 1000, BOTH("0.8"), "fine-tuning: alpha of Mixup; 0: none"),
    NUMBER("data.mixing.cutmix", data.mixing.cutmix, 0, 1000, BOTH("1"), "fine-tuning: alpha of CutMix; 0: none"),
    NUMBER("data.mixing.switch_prob", data.mixing.switch_prob, 0, 1, BOTH("0.5"), "probability of CutMix where both are on"),
    NUMBER("data.mixing.smoothing", data.mixing.smoothing, 0, 0.99, BOTH("0.1"), "label smoothing"),
    NUMBER("data.mask.image_ratio", data.mask.image_ratio, 0, 0.999, BOTH("0.9"), "pre-training: share of an image's tokens masked"),
    NUMBER("data.mask.video_ratio", data.mask.video_ratio, 0, 0.999, BOTH("0.95"), "pre-training: share of a clip's tokens masked"),
    CHOICE("data.mask.video_kind", data.mask.video_kind, "random|tube", BOTH("\"random\""),
           "over space-time, or one spatial mask for all times"),

    INT("train.epochs", train.epochs, 1, 1000000, BOTH("100"), "passes over the sets"),
    NUMBER("train.lr", train.lr, 0, S4D_RATE_MAX, D("0.0001", "2e-05"), "peak rate"),
    INT("train.lr_scale_batch", train.lr_scale_batch, 0, BIG, BOTH("0"),
        "above 0: the peak is lr * total batch / this (published: 512 and, with lr 1e-5, 8); the resolved config shows the peak"),
    NUMBER("train.min_lr", train.min_lr, 0, S4D_RATE_MAX, D("0", "6.25e-08"), "fine-tuning: the schedule's floor"),
    INT("train.min_lr_scale_batch", train.min_lr_scale_batch, 0, BIG, BOTH("0"),
        "the same for min_lr (published: 256 with min_lr 1e-6)"),
    NUMBER("train.warmup_fraction", train.warmup_fraction, 0, 1, BOTH("0.05"), "pre-training: share of all steps"),
    NUMBER("train.warmup_start_lr", train.warmup_start_lr, 0, 1e3, BOTH("1e-06"), "pre-training: where warm-up begins"),
    NUMBER("train.warmup_epochs", train.warmup_epochs, 0, 1e6, BOTH("5"), "fine-tuning"),
    NUMBER("train.weight_decay", train.weight_decay, 0, 1e3, BOTH("0.05"), "decoupled (AdamW)"),
    NUMBER("train.beta1", train.beta1, 0, 0.999999, BOTH("0.9"), "AdamW"),
    NUMBER("train.beta2", train.beta2, 0, 0.9999999, D("0.95", "0.999"), "AdamW"),
    NUMBER("train.eps", train.eps, 1e-30, 1, BOTH("1e-08"), "AdamW"),
    NUMBER("train.layer_decay", train.layer_decay, 1e-3, 1, D("1", "0.75"), "fine-tuning: rate of a layer over that of the next"),
    NUMBER("train.clip_grad", train.clip_grad, 0, BIG, BOTH("0"), "largest gradient norm; 0: no clipping"),
    CHOICE("train.class_weights", train.class_weights, "none|inverse|sqrt_inverse", BOTH("\"none\""),
           "fine-tuning: a class's weight in the loss by its training samples"),
    NUMBER("train.logit_adjustment", train.logit_adjustment, 0, 10, BOTH("0"),
           "fine-tuning: times the log of a class's share, added to its logit in the loss; 0: not"),
    INT("train.accumulate", train.accumulate, 1, 1000000, BOTH("1"), "gradient accumulation: batches of one modality that make an update"),
    INT("train.log_every", train.log_every, 1, 1000000, BOTH("1"), "steps between lines of metrics.jsonl"),
    INT("train.eval_every", train.eval_every, 0, 1000000, BOTH("0"),
        "epochs between evaluations, on the validation list where a set has one, else on its test list; 0: only after the last, or "
        "after each where train.select is not last"),
    CHOICE("train.select", train.select, "last|held_out|val|test", BOTH("\"last\""),
           "fine-tuning: the epoch that is kept: the last, the best on held-out training samples, on the validation list, or "
           "(published) on the test list itself; where it is not the last, that one is tested too"),
    CHOICE("train.select_by", train.select_by, "war|uar", BOTH("\"war\""), "what the best has most of"),
    BOOL("train.select_draw", train.select_draw, BOTH("false"),
         "judge an epoch by one clip a video, drawn as in training by the sample (published), instead of by the test's views"),
    CHOICE("train.not_finite", train.not_finite, "stop|skip", BOTH("\"stop\""),
           "a loss or gradient that is not finite ends the run, or its update is left out and its samples are named; for that "
           "cuda waits for every step"),
    INT("train.keep_checkpoints", train.keep_checkpoints, 1, 1000000, BOTH("2"), "newest checkpoints that are kept"),
    INT("train.checkpoint_every", train.checkpoint_every, 0, 1000000000, BOTH("0"),
        "updates between checkpoints, beside those after each epoch; 0: none"),
    NUMBER("train.ema", train.ema, 0, 0.9999999, BOTH("0"), "decay of a running average of the weights; 0: none"),
    BOOL("train.ema_eval", train.ema_eval, BOTH("false"), "evaluate, select and keep the average instead of the weights"),
    NUMBER("train.held_out", train.held_out, 0.001, 0.5, BOTH("0.1"), "share of each class held out, with train.select held_out"),

    CHOICE("eval.split", eval.split, "test|val", BOTH("\"test\""), "s4d eval: which of a set's lists"),
    INT("eval.batch", eval.batch, 1, 65536, BOTH("8"),
        "clips or images at a time; views of them where model.moae.eval_noise or eval_capacity let a prediction depend on its batch"),
    INT("eval.segments", eval.segments, 1, 64, BOTH("2"), "temporal views of a clip"),
    INT("eval.crops", eval.crops, 1, 16, BOTH("1"), "spatial views of a clip (published: 2, which are the same unless keep_aspect)"),
    BOOL("eval.keep_aspect", eval.keep_aspect, BOTH("false"),
         "a clip's short side becomes img_size and crops are cut along the long side (VideoMAE); false: frames are squashed, as in training"),
};
const size_t s4d_field_count = sizeof s4d_fields / sizeof *s4d_fields;
