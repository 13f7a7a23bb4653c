"""How models learn: flow matching, the one training loop, checkpoints without pickles.

Reads:  batches.   Makes: trained weights on disk.   Used by: audio, policy. Imports torch.
"""

from .checkpoint import check_state as check_state
from .checkpoint import find_checkpoint as find_checkpoint
from .checkpoint import load_config as load_config
from .checkpoint import load_state as load_state
from .checkpoint import load_tensors as load_tensors
from .checkpoint import save_checkpoint as save_checkpoint
from .checkpoint import save_tensors as save_tensors
from .checkpoint import shapes as shapes
from .fit import FitConfig as FitConfig
from .fit import FitResult as FitResult
from .fit import fit as fit
from .fit import step_generator as step_generator
from .fit import to_device as to_device
from .flow import flow_loss as flow_loss
from .flow import guide as guide
from .flow import integrate as integrate
from .flow import interpolate as interpolate
from .optimiser import OptimiserName as OptimiserName
