/* The sets that are known: what their lists are called, and what their paths say. A set whose paths tell everything is a row
 * here and nothing else; data/README.md tells the same to users, data/labels what codes stand for. */
#include "dataset/index_job.h"

/* A folder of a split: one of its words, and whatever else the name has around it. */
#define SPLIT_NAME "(?<split>(?:[^/]*[^/a-z])?(?:train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)(?:[^/a-z][^/]*)?)"
#define LABEL "(?<label>ang(?:er|ry)|disgust(?:ed)?|fear(?:ful)?|happ(?:y|iness)|neutral|sad(?:ness)?|surprised?)"
#define FILE_NAME "(?<id>[^/]+?)(?:\\.[^./]+)?$"

static const index_paths by_folders = {
    .pattern = {"(?i)^(?:.*/)?" SPLIT_NAME "/(?:.*/)?" LABEL "/" FILE_NAME},
    .form = "not at SPLIT/CLASS/NAME, as Train/Angry/NAME is",
};

static const index_paths affectnet = {
    .pattern = {"(?i)^(?<key>(?:(?:.*/)?(?:" SPLIT_NAME "|[^/]+)/)?)images/(?<id>[^/]+)\\.[^./]+$"},
    .form = "not at images/N.jpg",
    .label_tail = "_exp.npy",
    .label_file = "(?i)^(?<key>(?:.*/)?)annotations/(?<id>[^/]+)_exp\\.npy$",
    .read_label = index_label_npy,
};

/* A part of the name each for modality, vocal channel, emotion, intensity, statement, repetition and actor. */
static const index_paths ravdess = {
    .pattern = {"(?:^|/)(?<copy>0[12])-(?<id>(?<part>0[12])-(?<label>\\d\\d)-\\d\\d-\\d\\d-\\d\\d-(?<subject>\\d\\d))(?:\\.[^./]+)?$"},
    .codes = true,
    .form = "not named as 01-01-03-01-01-01-12.mp4 is",
    .copies = "recordings without sound (02-...), which repeat those with it",
    .parts = "vocal channels, 01 speech and 02 song, all taken",
};

/* Actor, sentence, emotion, level; one file has a level of one letter. */
static const index_paths cremad = {
    .pattern = {"(?i)(?:^|/)(?<id>(?<subject>1\\d{3})_[a-z]{3}_(?<label>[a-z]{3})_[a-z]{1,2})(?:\\.[^./]+)?$"},
    .codes = true,
    .form = "not named as 1001_DFA_ANG_XX.flv is",
};

/* The names of files have the wrong number for subject 11, so that the folder counts where there is one. */
static const index_paths enterface = {
    .pattern = {"(?i)(?:^|/)subject[ _-]?(?<subject>\\d+)/(?<label>anger|disgust|fear|happiness|sadness|surprise)/"
                "(?<id>sentence[^/]*/[^/]+?)(?:\\.[^./]+)?$",
                "(?i)^(?!.*(?:^|/)subject[ _-]?\\d+/)(?:.*/)?(?<id>s_?(?<subject>\\d+)_(?<label>an|di|fe|ha|sa|su)_?\\d+)"
                "(?:avi)?(?:\\.[^./]+)?$"},
    .codes = true,
    .form = "not at subject N/anger/sentence N/NAME.avi and not named as s1_an_1.avi is",
};

/* A camera and a light each, where the root is not the folder of one; what is cut out stands in VL_Acropped and the like. */
static const index_paths oulucasia = {
    .pattern = {"(?i)(?:^|/)(?:(?<part>NI|VL)[^/]*/)?(?<id>(?:(?:Strong|Weak|Dark)/)?(?<subject>P\\d{3})/"
                "(?<label>anger|disgust|fear|happiness|sadness|surprise))$"},
    .form = "not at VL/Strong/P001/Anger",
    .parts = "cameras, NI infrared and VL visible light, all taken, in every light (--media names the folder of one)",
};

/* Sequences with a label file; or single images in the folder of their class, as in the form CK+48. */
static const index_paths ckplus = {
    .pattern = {"(?:^|/)(?<key>(?<subject>S\\d{3})/\\d{3})$",
                "(?i)(?:^|/)(?<label>ang(?:er|ry)|contempt|disgust|fear|happ(?:y|iness)|sad(?:ness)?|surprised?)/"
                "(?<id>(?<subject>S\\d{3})_\\d{3}_\\d+)\\.[^./]+$"},
    .codes = true,
    .form = "not at S005/001, and not at CLASS/S005_001_00000011.png",
    .label_tail = "_emotion.txt",
    .label_file = "(?:^|/)(?<key>S\\d{3}/\\d{3})/[^/]*_emotion\\.txt$",
    .read_label = index_label_text,
};

static const index_paths voxceleb2 = {
    .pattern = {"(?:^|/)(?:(?<split>dev|test)/(?:.*?/)?)?(?<subject>id\\d{5})/"},
    .form = "in no folder named as a person, such as id00012",
    .splits = "dev=train,test=test",
};

const index_layout index_layouts[] = {
    {.set = {"dfew", "DFEW"},
     .names = "set_K.csv of the official split, or train_set_K.csv and test_set_K.csv",
     .run = index_run_set, .tables = {"dfew"}, .media = INDEX_FRAMES | INDEX_VIDEO, .folds = true, .prefer = {"single"}},
    {.set = {"ferv39k", "FERV39K"},
     .names = "train_All.csv and test_All.csv, or train.csv and test.csv",
     .run = index_run_set, .tables = {"ferv39k", "ferv39k_maedfer"}, .media = INDEX_FRAMES | INDEX_VIDEO,
     .prefer = {"_all."}, .copy = "ClipsforFaceCrop"},
    {.set = {"mafw", "MAFW, single expressions"},
     .names = "set_K/train.txt and test.txt, or train_set_K.csv and test_set_K.csv",
     .run = index_run_set, .tables = {"mafw", "mafw_maedfer", "mafw_dferclip"}, .media = INDEX_FRAMES | INDEX_VIDEO,
     .cut = S4D_CUT_FIRST, .folds = true, .prefer = {"single", "no_caption"}},
    {.set = {"afew", "AFEW: Train/CLASS/NAME.avi, Val/CLASS/NAME.avi"},
     .run = index_run_set, .paths = &by_folders, .tables = {"afew"}, .media = INDEX_FRAMES | INDEX_VIDEO},
    {.set = {"caer", "CAER: train/CLASS/NAME.avi, validation and test"},
     .run = index_run_set, .paths = &by_folders, .tables = {"caer"}, .media = INDEX_FRAMES | INDEX_VIDEO},
    {.set = {"ravdess", "RAVDESS: 01-01-03-01-01-01-12.mp4"},
     .run = index_run_set, .paths = &ravdess, .tables = {"ravdess"}, .media = INDEX_FRAMES | INDEX_VIDEO},
    {.set = {"cremad", "CREMA-D: 1001_DFA_ANG_XX.flv"},
     .run = index_run_set, .paths = &cremad, .tables = {"cremad"}, .media = INDEX_FRAMES | INDEX_VIDEO},
    {.set = {"enterface", "eNTERFACE'05: subject N/anger/sentence N/NAME.avi"},
     .run = index_run_set, .paths = &enterface, .tables = {"enterface"}, .media = INDEX_FRAMES | INDEX_VIDEO},
    {.set = {"oulucasia", "Oulu-CASIA: VL/Strong/P001/Anger"},
     .run = index_run_set, .paths = &oulucasia, .tables = {"oulucasia"}, .media = INDEX_FRAMES},
    {.set = {"ckplus", "CK+: cohn-kanade-images and Emotion; or CK+48; or ckextended.csv"},
     .run = index_run_set, .paths = &ckplus, .pixels = "ckextended", .tables = {"ckplus"}, .media = INDEX_FRAMES | INDEX_PICTURE},
    {.set = {"affectnet7", "AffectNet without contempt"},
     .names = "training.csv and validation.csv, train.txt and test.txt, or annotations/N_exp.npy",
     .run = index_run_set, .paths = &affectnet, .tables = {"affectnet7"}, .media = INDEX_PICTURE, .prefer = {"manual"}},
    {.set = {"affectnet8", "AffectNet"},
     .names = "training.csv and validation.csv, train.txt and test.txt, or annotations/N_exp.npy",
     .run = index_run_set, .paths = &affectnet, .tables = {"affectnet8"}, .media = INDEX_PICTURE, .prefer = {"manual"}},
    {.set = {"rafdb", "RAF-DB, basic expressions"},
     .names = "list_patition_label.txt, or train.txt and test.txt",
     .run = index_run_set, .tables = {"rafdb"}, .media = INDEX_PICTURE, .whole = "list_pa", .copy = "_aligned."},
    {.set = {"ferplus", "FER+: label.csv or fer2013new.csv with votes, and fer2013.csv where the images are in it"},
     .names = "FER2013Train/label.csv, fer2013new.csv, or train.txt and test.txt",
     .run = index_run_set, .pixels = "fer2013", .votes = true, .tables = {"ferplus"}, .media = INDEX_PICTURE, .last = "fer2013new"},
    {.set = {"fer2013", "FER2013: fer2013.csv with the images in it, or train/CLASS/NAME"}, .manifest = "fer2013_manifest.csv",
     .run = index_run_set, .paths = &by_folders, .pixels = "fer2013", .tables = {"fer2013"}, .media = INDEX_PICTURE},
    {.set = {"sfew", "SFEW: Train/CLASS/NAME.png, Val/CLASS/NAME.png"},
     .run = index_run_set, .paths = &by_folders, .tables = {"sfew"}, .media = INDEX_PICTURE},
    {.set = {"caers", "CAER-S: train/CLASS/NAME.png, test/CLASS/NAME.png"},
     .run = index_run_set, .paths = &by_folders, .tables = {"caers"}, .media = INDEX_PICTURE},
    {.set = {"voxceleb2", "VoxCeleb2: idNNNNN/VIDEO/NNNNN.mp4, without lists"},
     .run = index_run_set, .paths = &voxceleb2, .media = INDEX_VIDEO},
    {.set = {"videomae", "lists of \"path label\" or \"folder total label\", as VideoMAE takes them"},
     .names = "train.csv, val.csv and test.csv",
     .run = index_run_direct},
    {.set = {"folders", "own data: a folder for each class, and above them train, test and val where they are apart; or --pattern"},
     .run = index_run_folders, .media = INDEX_FRAMES | INDEX_VIDEO | INDEX_PICTURE},
    {.set = {"csv", "own data: csv with the header path,label, and a manifest's other columns"},
     .names = "a single .csv, or train.csv and test.csv",
     .run = index_run_csv},
};
const size_t index_layout_count = sizeof index_layouts / sizeof *index_layouts;
