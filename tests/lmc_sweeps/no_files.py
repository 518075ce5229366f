"""What may lie in the place of a file and is none."""

import os


def a_pipe(path):
    os.mkfifo(path)


def a_device(path):
    path.symlink_to("/dev/zero")


def a_link(path):
    (path.parent / "treasure").write_text("of the user's")
    path.symlink_to(path.parent / "treasure")


def a_folder(path):
    path.mkdir()


def a_link_that_leads_nowhere(path):
    path.symlink_to("/nowhere/at/all")
