"""One file per upsampler family; a file that is here is discovered by the registry."""
