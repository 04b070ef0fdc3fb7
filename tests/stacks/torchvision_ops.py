"""Declares torchvision's two box operators, so that a CUDA torchvision imports beside a CPU torch.

The wheel's compiled operators cannot load there, and importing torchvision then fails with
"operator torchvision::nms does not exist", although nothing that serves or trains on pages calls
it. ``torchvision.sh`` copies this module into an environment, and a ``.pth`` file imports it at its
start.
"""

import sys


class DeclareBeforeImport:
    """Watches imports, finds nothing, and declares the operators just before torchvision loads."""

    library = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and DeclareBeforeImport.library is None:
            import torch

            # Kept on the class: the declarations vanish with the Library object.
            DeclareBeforeImport.library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in ("nms", "qnms"):
                DeclareBeforeImport.library.define(
                    f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        return None


sys.meta_path.insert(0, DeclareBeforeImport())
