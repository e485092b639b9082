# made by tests/public_stub.py

from isthmus.base import Representation as Representation
from isthmus.codec.compress import compress as compress
from isthmus.codec.compress import decompress as decompress
from isthmus.codec.rate_distortion import rate_distortion as rate_distortion
from isthmus.data.corrupt import with_noise as with_noise
from isthmus.data.images import Images as Images
from isthmus.data.readers import load_images as load_images
from isthmus.explorer.explore import explore as explore
from isthmus.explorer.explore import export as export
from isthmus.families import register as register
from isthmus.models.autoencoder import Autoencoder as Autoencoder
from isthmus.models.classifier import Classifier as Classifier
from isthmus.models.gan import GAN as GAN
from isthmus.models.kmeans import KMeans as KMeans
from isthmus.models.nmf import NMF as NMF
from isthmus.models.pca import PCA as PCA
from isthmus.models.pixelnet import PixelNet as PixelNet
from isthmus.models.som import SOM as SOM
from isthmus.models.vae import VAE as VAE
from isthmus.neighbors import Index as Index
from isthmus.neural import NeuralRepresentation as NeuralRepresentation
from isthmus.plots.drawing import contact_sheet as contact_sheet
from isthmus.reproduction.runner import reproduce as reproduce
from isthmus.store import load_model as load_model
from isthmus.studies.stored import load_study as load_study
from isthmus.studies.study import study as study
from isthmus.verbs.cluster import cluster as cluster
from isthmus.verbs.decode import decode as decode
from isthmus.verbs.denoise import denoise as denoise
from isthmus.verbs.edit import directions as directions
from isthmus.verbs.edit import edit as edit
from isthmus.verbs.encode import encode as encode
from isthmus.verbs.finetune import finetune as finetune
from isthmus.verbs.generate import generate as generate
from isthmus.verbs.map import Map as Map
from isthmus.verbs.morph import morph as morph
from isthmus.verbs.nearest import nearest as nearest
from isthmus.verbs.novelty import novelty as novelty
from isthmus.verbs.probe import probe as probe
from isthmus.verbs.reconstruct import reconstruct as reconstruct
from isthmus.verbs.segment import segment as segment
from isthmus.verbs.territory import confusion as confusion
from isthmus.verbs.territory import territory as territory
from isthmus.verbs.traverse import traverse as traverse

__version__: str
