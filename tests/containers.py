"""Containers with one thing changed, digest included."""

from esmgo.model.container import read_header, write_container


def rewrite(path, rename=str, data=None, **metadata):
    """Give the tensors of a container other names, or bytes by name, and entries to its metadata.

    A tensor of other bytes becomes a row of them. One whose bytes are None is left out.
    """
    header, changed = read_header(path), data or {}
    stored = path.read_bytes()[header.data_start :]
    tensors = []
    for name, info in header.tensors.items():
        found, shape = changed.get(name, stored[info.begin : info.end]), info.shape
        if found is not None:
            shape = (len(found),) if name in changed else shape
            tensors.append((rename(name), info.dtype, shape, memoryview(found)))
    write_container(path, tensors, header.metadata | metadata, small=header.is_deflated)
