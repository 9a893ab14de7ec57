"""Small hand-made copies of the layouts in which data sets are distributed: names, lists and empty pictures, no real data.

Every function makes one layout in a folder. `python3 tests/e2e/layouts.py FOLDER` makes them all there, to look at."""
import pathlib
import struct
import sys
import zlib

DFEW = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
FERV39K = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
FERV39K_FOLDERS = ["Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"]
MAFW = ["anger", "anxiety", "contempt", "disappointment", "disgust", "fear", "happiness", "helplessness", "neutral", "sadness",
        "surprise"]
AFFECTNET = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
RAVDESS = ["neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"]
CREMAD = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
BASIC = ["anger", "disgust", "fear", "happiness", "sadness", "surprise"]
CKPLUS = ["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"]
FER2013 = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
FERPLUS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
VOTES_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
RAFDB = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
AFFECTNET_HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


def put(path, text=b"x"):
    """A file with its folders; text as UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def frames(folder, tail=".jpg", n=2):
    for i in range(1, n + 1):
        put(folder / f"{i:05d}{tail}")


def lines(rows, head=None, end="\n"):
    return "".join(row + end for row in ([head] if head else []) + list(rows))


def folds(n, k=5):
    """(fold, training numbers, test numbers) of n samples, numbers from 1."""
    for fold in range(1, k + 1):
        test = [i for i in range(1, n + 1) if i % k == fold % k]
        yield fold, [i for i in range(1, n + 1) if i not in test], test


def dfew_official(root, n=35, copies=("Clip/clip_224x224",)):
    """set_K.csv in two folders, labels from 1, names without zeros; frames in folders of five digits."""
    for copy in copies:
        for i in range(1, n + 6):  # the last five are in no list, as multi-label clips are
            frames(root / copy / f"{i:05d}")
    for fold, train, test in folds(n):
        for name, ids in (("train(single-labeled)", train), ("test(single-labeled)", test)):
            put(root / f"EmoLabel_DataSplit/{name}/set_{fold}.csv",
                lines((f"{i},{i % 7 + 1}" for i in ids), "video_name,label", "\r\n"))


def dfew_release(root, n=35, tail=None):
    """train_set_K.csv and test_set_K.csv, labels from 0."""
    for i in range(1, n + 1):
        put(root / f"clips/{i:05d}{tail}") if tail else frames(root / f"clips/{i:05d}")
    for fold, train, test in folds(n):
        for name, ids in (("train", train), ("test", test)):
            put(root / f"{name}_set_{fold}.csv", lines((f"{i:05d},{i % 7}" for i in ids), "video_name,label"))


def ferv39k_clips(root, n):
    for i in range(n):
        yield i, f"{('Action', 'Crime', 'School')[i % 3]}/{FERV39K_FOLDERS[i % 7]}/{i // 7:04d}"


def ferv39k_official(root, n=42):
    """train_All.csv without header, names of classes, lists of single scenes beside it, and a second kind of clips."""
    rows = []
    for i, path in ferv39k_clips(root, n):
        frames(root / "2_ClipsforFaceCrop" / path)
        frames(root / "1_ClipsforAll" / path)
        rows.append(f"{path} {FERV39K_FOLDERS[i % 7]}")
    put(root / "4_setups/All_scenes/train_All.csv", lines(rows[:28]))
    put(root / "4_setups/All_scenes/test_All.csv", lines(rows[28:]))
    put(root / "4_setups/Action/train_Action.csv", lines(rows[:1]))


def ferv39k_release(root, n=42, order=FERV39K):
    """train.csv and test.csv with the header path,id and numbers."""
    rows = []
    for i, path in ferv39k_clips(root, n):
        frames(root / "clips" / path)
        rows.append(f"{path},{order.index(FERV39K[i % 7])}")
    put(root / "train.csv", lines(rows[:28], "path,id"))
    put(root / "test.csv", lines(rows[28:], "path,id"))


def mafw_official(root, n=55):
    """train.txt and test.txt by set; captions in GBK in the lists beside them, as in the set's spreadsheet."""
    caption = "一个男人皱着眉头, \"不\"".encode("gbk")
    for i in range(1, n + 1):
        put(root / f"data/clips/{i:05d}.mp4")
    put(root / "Labels/annotation.csv", b"\n".join(b"%05d.mp4," % i + caption for i in range(1, n + 1)))
    for fold, train, test in folds(n):
        for name, ids in (("train", train), ("test", test)):
            rows = [f"{i:05d}.mp4 {MAFW[i % 11]}" for i in ids]
            base = root / "Train & Test Set"
            put(base / f"single/no_caption/set_{fold}/{name}.txt", lines(rows))
            put(base / f"single/with_caption/set_{fold}/{name}.txt", b"\n".join(r.encode() + b" " + caption for r in rows))
            put(base / f"compound/no_caption/set_{fold}/{name}.txt", lines(r + ",fear" for r in rows))


def mafw_release(root, n=55, head="video_name,labels"):
    """csv by fold with the header video_name,labels; frames as .png."""
    for i in range(1, n + 1):
        frames(root / f"frames/{i:05d}", ".png")
    for fold, train, test in folds(n):
        for name, ids in (("train", train), ("test", test)):
            put(root / f"{name}_set_{fold}.csv", lines((f"{i:05d},{i % 11}" for i in ids), head))


def affectnet_official(root, n=44, header=(True, False), tail=".jpg"):
    """Official csv; the second one without its header. Expressions 0 to 10."""
    landmarks = "1.5;2.5;" * 3
    for name, ids, head in (("training", range(n), header[0]), ("validation", range(n, n + 11), header[1])):
        rows = [f"{i % 3}/{i * 7919:08x}.jpg,1,1,9,9,{landmarks},{i % 11},0.5,-0.1" for i in ids]
        put(root / f"Manually_Annotated_file_lists/{name}.csv", lines(rows, AFFECTNET_HEADER if head else None))
        for i in ids:
            put(root / f"Manually_Annotated_Images/{i % 3}/{i * 7919:08x}{tail}")


def affectnet_release(root, classes=7):
    """Text, path and label."""
    for name, n in (("train", 21), ("test", 8)):
        put(root / f"{name}.txt", "\ufeff" + lines(f"{name}/{i}.jpg {i % classes}" for i in range(n)))
        for i in range(n):
            put(root / f"{name}/{i}.jpg")


def rafdb(root, originals=True):
    """One list for both splits, labels from 1; aligned pictures beside the originals; a text for each picture."""
    rows = [f"{name}_{i:05d}.jpg {i % 7 + 1}" for name, n in (("train", 70), ("test", 14)) for i in range(1, n + 1)]
    put(root / "EmoLabel/list_patition_label.txt", lines(rows))
    for row in rows:
        stem = row.split(".")[0]
        put(root / f"Image/aligned/{stem}_aligned.jpg")
        put(root / f"Annotation/auto/{stem}_auto_attri.txt", "1 2 3")
        if originals:
            put(root / f"Image/original/{stem}.jpg")


def ferplus(root):
    for name, n in (("train", 16), ("valid", 8), ("test", 8)):
        put(root / f"{name}.txt", lines(f"{name}/fer{i:07d}.png {i % 8}" for i in range(n)))
        for i in range(n):
            put(root / f"{name}/fer{i:07d}.png")


def voxceleb2(root):
    for part, person in (("dev", "id00012"), ("dev", "id00015"), ("test", "id00017")):
        for video in ("21Uxsk56VDQ", "2DLq_Kkc1r8"):
            for i in (1, 2, 10):
                put(root / f"{part}/mp4/{person}/{video}/{i:05d}.mp4")
    put(root / "vox2_meta.csv", "VoxCeleb2 ID ,Gender\n")


def videomae(root, total=False, prefix=""):
    """Lists with blanks in names; `prefix` is in front of every path."""
    for name, n in (("train", 14), ("val", 7), ("test", 7)):
        split = "test" if name == "val" else name
        rows = [f"{prefix}{split}/my clip {i}.mp4{' 30' if total else ''} {i % 7}" for i in range(n)]
        put(root / f"{name}.csv", lines(rows))
        for i in range(n):
            put(root / f"{split}/my clip {i}.mp4")


def folders(root, splits=True, kind="pictures"):
    for split in ("train", "test") if splits else (".",):
        for name in ("Happy", "sad", "Neutral"):
            for i in range(3):
                if kind == "pictures":
                    put(root / split / name / f"{i}.jpg")
                elif kind == "videos":
                    put(root / split / name / f"{i}.mp4")
                else:
                    frames(root / split / name / f"clip{i}")


def csv(root):
    put(root / "mine.csv", "label,path,subject,start,end\r\nHappy,a.mp4,p1,0,2\r\nHAPPINESS,a.mp4,p1,2,4\r\nsad,\"b, c.mp4\",p2,,\r\n")
    put(root / "a.mp4")
    put(root / "b, c.mp4")


def npy(value, descr="<U1", shape="()", version=1):
    """A NumPy array of one element, by bytes."""
    kinds = {"U": lambda: str(value).ljust(int(descr[2:]), "\0").encode("utf-32-le"), "S": lambda: str(value).encode().ljust(int(descr[2:]), b"\0"),
             "i": lambda: int(value).to_bytes(int(descr[2:]), "big" if descr[0] == ">" else "little", signed=True),
             "u": lambda: int(value).to_bytes(int(descr[2:]), "little"),
             "f": lambda: struct.pack("<f" if descr[2:] == "4" else "<d", value)}
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header.encode() + kinds[descr[1]]()


def affectnet_npy(root, n=11, descr="<U2"):
    """As given out since 2021: a file of the expression beside valence, arousal and landmarks; expressions 0 to 10."""
    for part in ("train_set", "val_set"):
        for i in range(n):
            put(root / part / f"images/{i}.jpg")
            put(root / part / f"annotations/{i}_exp.npy", npy(i % 11, descr))
            put(root / part / f"annotations/{i}_val.npy", npy("0.1", "<U3"))


def ravdess(root, modalities=("01", "02"), actors=2):
    for actor in range(1, actors + 1):
        for channel, kind in (("01", "Speech"), ("02", "Song")):
            for code in range(1, 9):
                for modality in modalities:
                    put(root / f"Video_{kind}_Actor_{actor:02d}/Actor_{actor:02d}/"
                               f"{modality}-{channel}-{code:02d}-01-01-01-{actor:02d}.mp4")


def cremad(root):
    for actor in (1001, 1002, 1091):
        for code in CREMAD:
            put(root / f"VideoFlash/{actor}_DFA_{code}_XX.flv")
            put(root / f"AudioWAV/{actor}_DFA_{code}_XX.wav")
    put(root / "VideoFlash/1040_ITH_SAD_X.flv")


def enterface(root):
    """Names of files are wrong for subject 11, and subject 6 is in one piece."""
    for subject in (1, 11, 12):
        for name in BASIC:
            for i in (1, 2):
                number = 12 if subject == 11 else subject
                put(root / f"subject {subject}/{name}/sentence {i}/s{number}_{name[:2]}_{i}.avi")
    put(root / "subject 6/anger/subject 6.avi")


def by_folders(root, splits=("Train", "Val"), tail=".avi", angry="Angry"):
    for split in splits:
        for name in (angry, "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise"):
            for i in range(2):
                put(root / split / name / f"00{i}{tail}")


def oulucasia(root):
    for part in ("NI/Dark", "VL/Strong", "VL/Weak"):
        for subject in ("P001", "P080"):
            for name in ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise"):
                frames(root / "OriginalImg" / part / subject / name, ".jpeg")


def ckplus(root):
    """Sequence 002 of each has no label."""
    for i in range(7):
        subject = f"S{10 * i + 5:03d}"
        for sequence in ("001", "002"):
            for frame in (1, 2, 3):
                put(root / f"cohn-kanade-images/{subject}/{sequence}/{subject}_{sequence}_{frame:08d}.png")
            (root / f"Emotion/{subject}/{sequence}").mkdir(parents=True)
        put(root / f"Emotion/{subject}/001/{subject}_001_00000003_emotion.txt", f"   {i + 1}.0000000e+00\n")


def votes(class_index, most=8):
    row = [0] * 10
    row[class_index] = most
    row[(class_index + 1) % 8] = 10 - most
    return ",".join(map(str, row))


def ferplus_votes(root):
    """What Microsoft's script leaves: names of FER2013Train and FER2013Valid are told apart by their folder alone."""
    for part, n in (("FER2013Train", 16), ("FER2013Valid", 8), ("FER2013Test", 8)):
        rows = [f'fer{i:07d}.png,"(0, 0, 48, 48)",{votes(i % 8)}' for i in range(n)]
        put(root / part / "label.csv", lines(rows, end="\r\n"))
        for i in range(n):
            put(root / part / f"fer{i:07d}.png")


def usage(i, n):
    return "Training" if i < n // 2 else "PublicTest" if i < 3 * n // 4 else "PrivateTest"


def pixels(i, side=4):
    return [(37 * i + 11 * k) % 256 for k in range(side * side)]


def fer2013(root, n=28, head="emotion,pixels,Usage", name="fer2013.csv", codes=7):
    cells = {"emotion": lambda i: str(i % codes), "pixels": lambda i: " ".join(map(str, pixels(i))), "Usage": lambda i: usage(i, n)}
    rows = [",".join(cells[column.strip()](i) for column in head.split(",")) for i in range(n)]
    put(root / name, lines(rows, head))


def png(side, height=None):
    """A gray image of one shade."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height = height or side
    raw = b"".join(b"\0" + bytes(side) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def main(folder):
    for make in (dfew_official, dfew_release, ferv39k_official, ferv39k_release, mafw_official, mafw_release, affectnet_official,
                 affectnet_release, affectnet_npy, ravdess, cremad, enterface, by_folders, oulucasia, ckplus, rafdb, ferplus,
                 ferplus_votes, fer2013, voxceleb2, videomae, folders, csv):
        make(pathlib.Path(folder) / make.__name__)


if __name__ == "__main__":
    main(sys.argv[1])
