#!/usr/bin/python3
"""The XDP program on Debian 12's own kernel: boots it in QEMU and runs the test programs that it is given there.

Usage: debian_kernel_test.py CACHE TEST_PROGRAM...

The kernel is the package that linux-image-cloud-amd64 stands for, downloaded once into CACHE and never installed; the
guest is an initramfs of busybox, the test programs and the libraries that they name. Nothing depends on time but the
limit at which the guest is given up. Ends with 77 (skipped) where QEMU or the kernel cannot be had.
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
GIVEN_UP_AFTER = 420  # seconds, some twenty times what an emulated guest takes
# Loading the program takes an emulated verifier seconds: what differs between kernels, once each. The host runs all.
TESTS = "CorpusBpfTest.Program*:XdpPlaneTest.Outlives*:TrialTest.ProgramGoesBack*:PlanesTest.*"
PARITY_FRAMES = 6000
INIT = """#!/bin/sh
export PATH=/bin EVENKEEL_PARITY_FRAMES={frames} GTEST_FILTER='{tests}' GTEST_COLOR=no
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
insmod /veth.ko
ip link set lo up
echo "guest: $(uname -r)"
for program in /tests/*; do
  $program
  echo "guest: ${{program##*/}} ended with $?"
done
poweroff -f
"""


class Missing(Exception):
    """Something that the machine does not have: the test is skipped."""


def run(*command, **options) -> str:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if result.returncode != 0:
        raise Missing(f"{' '.join(map(str, command))}: {(result.stderr.strip() or 'failed').splitlines()[-1]}")
    return result.stdout


def kernel_package(cache: pathlib.Path) -> pathlib.Path:
    """The .deb, from the cache or downloaded."""
    cached = sorted(cache.glob("linux-image-*-cloud-amd64_*.deb"))
    if cached:
        return cached[-1]
    names = re.findall(r"Depends: (linux-image-\S+-cloud-amd64)$",
                       run("apt-cache", "depends", "linux-image-cloud-amd64"), re.MULTILINE)
    if not names:
        raise Missing("apt-cache does not say which package linux-image-cloud-amd64 stands for")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        run("apt-get", "-q", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root", "download", names[0],
            cwd=folder)
        package = next(pathlib.Path(folder).glob("*.deb"))
        return package.rename(cache / package.name)


def unpack_kernel(package: pathlib.Path, into: pathlib.Path):
    """Path of the kernel and of its veth module."""
    contents = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", into, "--wildcards", "./boot/vmlinuz-*", "./lib/modules/*/drivers/net/veth.ko"],
                   stdin=contents.stdout, check=True)
    contents.wait()
    return next(into.glob("boot/vmlinuz-*")), next(into.glob("lib/modules/*/kernel/drivers/net/veth.ko"))


def copy_with_libraries(program: pathlib.Path, root: pathlib.Path, place: str) -> None:
    target = root / place / program.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(program, target)
    subprocess.run(["strip", "--strip-debug", target], check=False)
    for library in re.findall(r"(/\S+) \(0x", run("ldd", program)):
        copy = root / library.lstrip("/")
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(library), copy)


def make_initramfs(root: pathlib.Path, veth: pathlib.Path, programs: list) -> bytes:
    busybox = shutil.which("busybox")
    ip = shutil.which("ip") or "/usr/sbin/ip"
    if busybox is None or "not a dynamic" not in subprocess.run(["ldd", busybox], capture_output=True,
                                                                text=True).stderr:
        raise Missing("no static busybox (package busybox-static)")
    for folder in ("bin", "dev", "proc", "sys", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, root / "bin/busybox")
    for applet in ("sh", "mount", "insmod", "uname", "poweroff"):
        (root / "bin" / applet).symlink_to("busybox")
    copy_with_libraries(pathlib.Path(ip), root, "bin")
    for program in programs:
        copy_with_libraries(program, root, "tests")
    shutil.copy(veth, root / "veth.ko")
    init = root / "init"
    init.write_text(INIT.format(frames=PARITY_FRAMES, tests=TESTS))
    init.chmod(0o755)
    names = "\0".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    return gzip.compress(subprocess.run(["cpio", "--quiet", "-o", "-0", "-H", "newc"], cwd=root, input=names.encode(),
                                        stdout=subprocess.PIPE, check=True).stdout, 1)


def boot(kernel: pathlib.Path, initramfs: pathlib.Path) -> str:
    """What the guest's console said, without what a terminal would act on."""
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        raise Missing("no qemu-system-x86_64 (package qemu-system-x86)")
    command = [qemu, "-machine", "q35,accel=kvm:tcg", "-cpu", "max", "-smp", "1", "-m", "768", "-nodefaults",
               "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", str(kernel), "-initrd", str(initramfs),
               "-append", "console=ttyS0 quiet panic=-1"]
    try:
        console = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 timeout=GIVEN_UP_AFTER).stdout
    except subprocess.TimeoutExpired as error:
        console = (error.stdout or b"") + f"\nthe guest was given up after {GIVEN_UP_AFTER} s\n".encode()
    text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|.)", "", console.decode("utf-8", "replace"))
    return re.sub(r"[^\n\t\x20-\x7e]", "", text)


def main() -> int:
    cache, programs = pathlib.Path(sys.argv[1]), [pathlib.Path(program) for program in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        try:
            if shutil.which("cpio") is None:
                raise Missing("no cpio (package cpio)")
            kernel, veth = unpack_kernel(kernel_package(cache), root)
            initramfs = root / "initramfs.gz"
            initramfs.write_bytes(make_initramfs(root / "guest", veth, programs))
            console = boot(kernel, initramfs)
        except Missing as reason:
            print(f"skipped: {reason}")
            return SKIPPED
    print(console)
    ended = dict(re.findall(r"guest: (\S+) ended with (\d+)", console))
    failed = [program.name for program in programs if ended.get(program.name) != "0"]
    skipped = console.count("[  SKIPPED ]")
    print(f"{len(programs) - len(failed)} of {len(programs)} programs passed on Debian's kernel"
          + (f"; failed: {', '.join(failed)}" if failed else "") + (f"; {skipped} skipped" if skipped else ""))
    return 1 if failed or skipped else 0


if __name__ == "__main__":
    sys.exit(main())
