"""Which version of the hub is this?"""

from importlib.metadata import version

VERSION = version("porchlight-hub")
