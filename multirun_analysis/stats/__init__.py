"""Statistics: frames in, frames out; nothing here draws or reads files."""
