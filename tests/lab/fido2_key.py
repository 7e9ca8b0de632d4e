#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A FIDO2 key for the lab, without hardware and without a HID driver in the kernel: fido2_key.py STATE DEVICE [PIN]

Serves /dev/DEVICE through CUSE as libfido2 uses a /dev/hidrawN: ioctls for its report descriptor, reports of 64 bytes.
STATE is a file; a key with another one is another key. With a PIN the key has that one set (unless STATE has one).
"""
import os
import struct
import sys

sys.dont_write_bytecode = True
import ctap2  # noqa: E402

REPORT = 64
# Usage page FIDO, usage "authenticator"; 64 bytes in, 64 bytes out.
DESCRIPTOR = bytes.fromhex("06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0")


# ---- CTAPHID (CTAP 2.0, 8.1) ----------------------------------------------------------------------------------------


class Channel:
    """What one opener of the device has sent, and what is to be read by it."""
    PING, INIT, CBOR, CANCEL, KEEPALIVE, ERROR = 0x01, 0x06, 0x10, 0x11, 0x3B, 0x3F
    last = 0

    def __init__(self, key):
        self.key = key
        self.reports = []
        self.cid = self.command = self.wanted = None
        self.data = b""

    def written(self, report):
        cid, kind = struct.unpack(">IB", report[:5])
        if kind & 0x80:
            self.cid, self.command = cid, kind & 0x7F
            self.wanted, = struct.unpack(">H", report[5:7])
            self.data = report[7:]
        else:
            self.data += report[5:]
        if len(self.data) >= self.wanted:
            self.message(self.data[:self.wanted])

    def message(self, data):
        if self.command == self.INIT:
            Channel.last += 1
            # CBOR, and no messages of U2F
            self.send(self.INIT, data + struct.pack(">IBBBBB", Channel.last, 2, 1, 0, 0, 0x0C))
        elif self.command == self.CBOR:
            self.send(self.KEEPALIVE, b"\x02")  # "waits for a touch"
            self.send(self.CBOR, self.key.handle(data))
        elif self.command == self.PING:
            self.send(self.PING, data)
        elif self.command != self.CANCEL:
            self.send(self.ERROR, b"\x01")

    def send(self, command, data):
        report = struct.pack(">IBH", self.cid, 0x80 | command, len(data)) + data[:REPORT - 7]
        data, sequence = data[REPORT - 7:], 0
        while True:
            self.reports.append(report.ljust(REPORT, b"\0"))
            if not data:
                return
            report = struct.pack(">IB", self.cid, sequence) + data[:REPORT - 5]
            data, sequence = data[REPORT - 5:], sequence + 1


# ---- a character device (include/uapi/linux/fuse.h) -----------------------------------------------------------------

CUSE_INIT, OPEN, READ, WRITE, RELEASE, FLUSH, INTERRUPT, IOCTL = 4096, 14, 15, 16, 18, 25, 36, 39
HIDIOCGRDESCSIZE, HIDIOCGRDESC = 0x80044801, 0x90044802
EINTR, ENOTTY, ENOSYS = 4, 25, 38


def serve(name, key):
    fuse = os.open("/dev/cuse", os.O_RDWR)
    channels, waiting = {}, {}

    def reply(unique, data=b"", error=0):
        os.write(fuse, struct.pack("=IiQ", 16 + len(data), -error, unique) + data)

    def hand_out(fh):
        while fh in waiting and channels[fh].reports:
            reply(waiting.pop(fh), channels[fh].reports.pop(0))

    def ioctl(unique, command):
        answers = {HIDIOCGRDESCSIZE: struct.pack("=i", len(DESCRIPTOR)),
                   HIDIOCGRDESC: struct.pack("=I4096s", len(DESCRIPTOR), DESCRIPTOR)}
        if command in answers:
            reply(unique, struct.pack("=iIII", 0, 0, 0, 0) + answers[command])
        else:
            reply(unique, error=ENOTTY)

    while True:
        request = os.read(fuse, 1 << 17)
        _, opcode, unique = struct.unpack("=IIQ", request[:16])
        body = request[40:]
        fh = struct.unpack("=Q", body[:8])[0] if len(body) >= 8 else 0
        if opcode == CUSE_INIT:
            device = b"DEVNAME=" + name.encode() + b"\0"
            reply(unique, struct.pack("=8I40x", 7, 31, 0, 0, 1 << 16, 1 << 16, 0, 0) + device)
        elif opcode == OPEN:
            channels[unique] = Channel(key)
            reply(unique, struct.pack("=QII", unique, 5, 0))  # direct I/O, no seeking
        elif opcode == WRITE:
            # The number of the report comes first.
            channels[fh].written(body[41:])
            reply(unique, struct.pack("=II", len(body) - 40, 0))
            hand_out(fh)
        elif opcode == READ:
            waiting[fh] = unique
            hand_out(fh)
        elif opcode == IOCTL:
            ioctl(unique, struct.unpack("=I", body[12:16])[0])
        elif opcode == INTERRUPT:
            for opener, read in list(waiting.items()):
                if read == fh:
                    reply(waiting.pop(opener), error=EINTR)
        elif opcode in (RELEASE, FLUSH):
            if opcode == RELEASE:
                channels.pop(fh)
                waiting.pop(fh, None)
            reply(unique)
        else:
            reply(unique, error=ENOSYS)  # poll among them: always ready then, and read waits


if __name__ == "__main__":
    serve(sys.argv[2], ctap2.Key(sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else ""))
