# %% [markdown]
# # Words, letters and a little statistics of language

# %%
import math
import re
import string
import textwrap
from collections import Counter, defaultdict

STORY = """Alice was beginning to get very tired of sitting by her sister on the bank, and of having
nothing to do: once or twice she had peeped into the book her sister was reading, but it had
no pictures or conversations in it, "and what is the use of a book," thought Alice "without
pictures or conversations?" So she was considering in her own mind (as well as she could, for
the hot day made her feel very sleepy and stupid), whether the pleasure of making a
daisy-chain would be worth the trouble of getting up and picking the daisies, when suddenly a
White Rabbit with pink eyes ran close by her."""
len(STORY), STORY.count("Alice")

# %%
def tokens(text):
    return re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower())


words = tokens(STORY)
Counter(words).most_common(5)

# %%
stop = set("the of a to and or in was her it by she had".split())
content = [w for w in words if w not in stop]
sorted(set(content))[:6], len(stop)

# %%
sorted(stop)[:4], "her" in stop

# %%
stop.add("alice")
seen = {w: i for i, w in enumerate(stop)}
[w for w in stop if len(w) == 2], seen["alice"] < len(seen)

# %%
pairs = defaultdict(Counter)
for one, two in zip(words, words[1:]):
    pairs[one][two] += 1
pairs["her"]

# %%
print(textwrap.fill(" ".join(content), 60, initial_indent="> "))

# %%
sentences = re.split(r"(?<=[.?!])\s+", STORY.replace("\n", " "))
lengths = [len(tokens(s)) for s in sentences]
for n, s in zip(lengths, sentences):
    print(f"{n:>3} {s[:40]:<40}|")

# %%
class Vocabulary:
    """Words and their numbers."""

    unknown = "<?>"

    def __init__(self, words):
        self.words = [self.unknown, *sorted(set(words))]
        self.index = {w: i for i, w in enumerate(self.words)}

    def __len__(self):
        return len(self.words)

    def __getitem__(self, word):
        return self.index.get(word, 0)

    def __iter__(self):
        return iter(self.words)


vocabulary = Vocabulary(content)
len(vocabulary), vocabulary["rabbit"], vocabulary["queen"], next(iter(vocabulary))

# %%
from sklearn.feature_extraction.text import TfidfVectorizer

tfidf = TfidfVectorizer(stop_words=sorted(stop))
matrix = tfidf.fit_transform(sentences)
matrix

# %%
names = tfidf.get_feature_names_out()
row = matrix.toarray()[0]
sorted(((round(v, 3), n) for v, n in zip(row, names)), reverse=True)[:4]

# %%
similar = (matrix @ matrix.T).toarray().round(3)
similar

# %%
table = str.maketrans("", "", string.punctuation)
cleaned = STORY.translate(table).split()
entropy = -sum(
    c / len(cleaned) * math.log2(c / len(cleaned)) for c in Counter(cleaned).values()
)
f"{entropy:.3f} bits"

# %%
def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


min(vocabulary, key=lambda w: distance(w, "rabit")), distance("kitten", "sitting")

# %%
with open("story.txt", "w", encoding="utf-8") as file:
    file.write(STORY + "\nÜber naïve café – “quotes” 🐇\n")
lines = open("story.txt", encoding="utf-8").read().splitlines()
lines[-1], len(lines), lines[-1].encode("utf-8")[:9]

# %%
import random

random.seed(4)


def ramble(word, n):
    out = [word]
    for _ in range(n):
        following = pairs.get(out[-1])
        if not following:
            break
        out += random.choices(list(following), list(following.values()))
    return " ".join(out)


ramble("she", 8)

# %%
ramble("alice", 6), "{:,}".format(sum(map(len, words))), pairs["nobody"]

# %%
STORY.decode("utf-8")
