"""Write what a wheel of vLLM requires, but for torch and its kin: `requirements.py WHEEL`.

torch is installed first, as a CPU build; torchvision, torchaudio and torchcodec have no use for
a text model.
"""

import re
import sys
import zipfile
from email.parser import HeaderParser

OURS = {"torch", "torchvision", "torchaudio", "torchcodec"}


def requirements(wheel: str) -> list[str]:
    """Return the requirements of a wheel that belong to no extra."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        found = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])
    wanted = [each for each in found if "extra ==" not in each]
    return [each for each in wanted if re.match(r"[\w.-]+", each)[0].lower() not in OURS]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*requirements(sys.argv[1]), ""]))
