"""The code with which a stranger loads what was published: it runs as it stands on the card."""

from __future__ import annotations

from dataclasses import dataclass

_FILE = "model.safetensors"
_KNOWN = ("transformers", "diffusers", "peft")
_MODEL = f"""from huggingface_hub import hf_hub_download
from safetensors.torch import load_model

model = ...  # made as in the cells below
load_model(model, hf_hub_download("{{repo}}", "{_FILE}"))"""
_MODEL_IN_PARTS = """from huggingface_hub import load_torch_model, snapshot_download

model = ...  # made as in the cells below
load_torch_model(model, snapshot_download("{repo}"))"""
_WEIGHTS = f"""from huggingface_hub import hf_hub_download
from safetensors.{{of}} import load_file

weights = load_file(hf_hub_download("{{repo}}", "{_FILE}"))  # by name"""
_IN_PARTS = """from pathlib import Path

from huggingface_hub import snapshot_download
from safetensors import safe_open

weights = {{}}  # by name
for path in sorted(Path(snapshot_download("{repo}")).glob("*.safetensors")):
    with safe_open(path, "{form}") as file:
        weights |= {{name: file.get_tensor(name) for name in file.keys()}}"""
_TIED = """
        # names that share their tensor with another
        weights |= {{n: weights[o] for n, o in file.metadata().items() if o in weights}}"""
_PRETRAINED = """from {library} import {name}

{variable} = {name}.from_pretrained("{repo}")"""
_SENTENCES = """from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{repo}")"""
_OWN = """# {name} is defined in the cells below
{variable} = {name}.from_pretrained("{repo}")"""
_FILES = """from huggingface_hub import snapshot_download

folder = snapshot_download("{repo}")"""


@dataclass(frozen=True, slots=True)
class Made:
    """What was published, as far as loading it goes.

    `kind` is `model` (a PyTorch module's weights), `weights` (tensors by name),
    `arrays` (of NumPy), `pretrained` (saved by its own class `name` of
    `library`), or `files`. Some names are `tied`: they share the tensor of
    another. In `parts`: in several files.
    """

    kind: str
    name: str = ""
    library: str = ""
    tied: bool = False
    parts: bool = False


def loading_code(repo: str, made: Made) -> str:
    """Return Python that loads it."""
    match made.kind:
        case "model":
            return (_MODEL_IN_PARTS if made.parts else _MODEL).format(repo=repo)
        case "weights" | "arrays" if made.parts or made.tied:
            form = "pt" if made.kind == "weights" else "np"
            return (_IN_PARTS + (_TIED if made.tied else "")).format(repo=repo, form=form)
        case "weights" | "arrays":
            return _WEIGHTS.format(repo=repo, of="torch" if made.kind == "weights" else "numpy")
        case "pretrained" if made.library == "sentence_transformers":
            return _SENTENCES.format(repo=repo)
        case "pretrained":
            text = _PRETRAINED if made.library in _KNOWN else _OWN
            variable = _variable(made.name)
            return text.format(repo=repo, name=made.name, library=made.library, variable=variable)
        case _:
            return _FILES.format(repo=repo)


def _variable(name: str) -> str:
    """Return what one calls an object of a class."""
    words = ("Tokenizer", "Processor", "Pipeline", "Config")
    return next((word.lower() for word in words if word in name), "model")
