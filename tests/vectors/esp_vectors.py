#!/usr/bin/python3
"""Public test vectors that are not part of this project, as far as ESP's ciphers can take them.

  SLUICE_CRYPTO_VECTORS=FOLDER esp_vectors.py REPLAY_PROGRAM

FOLDER may hold NIST's gcmDecrypt*.rsp and Wycheproof's JSON files, in tar or xz archives or not, at
any depth. Without the variable, or with nothing in the folder, the test is skipped (exit 77).
"""
import hashlib
import hmac
import json
import lzma
import os
import pathlib
import subprocess
import sys
import tarfile

SKIPPED = 77
ESP_AAD_BYTES = (8, 12)  # SPI and sequence number, or extended sequence number
ANY_NUMBERS = "0000012300000001"


def files(folder):
    """(name, text) of everything in the folder and its archives."""
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if not path.is_file():
            continue
        if ".tar" in path.name:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.isfile():
                        yield member.name, archive.extractfile(member).read().decode()
        elif path.suffix == ".xz":
            yield path.stem, lzma.open(path).read().decode()
        elif path.suffix in (".rsp", ".json"):
            yield path.name, path.read_text()


def line(*fields):
    return " ".join(field or "-" for field in fields)


def opened(suite, encryption, integrity, numbers, packet, plaintext):
    return line("open", suite, encryption, integrity, numbers, packet, plaintext)


def esp_header(numbers):
    """What of SPI and sequence number is in the packet."""
    return numbers if len(numbers) == 16 else numbers[:8] + numbers[16:]


def nist_gcm(text):
    record = {}
    for row in text.splitlines() + ["Count = end"]:
        name, _, value = (part.strip() for part in row.partition("="))
        if name == "Count" and "Tag" in record and len(record["IV"]) == 24:
            plaintext = "forged" if "FAIL" in record else record["PT"]
            yield line("gcm", record["Key"], record["IV"], record["AAD"], record["CT"], record["Tag"], plaintext)
        if name == "Count":
            record = {}
        elif name and not name.startswith(("#", "[")):
            record[name] = value


def aead(suite_of_key, case):
    plaintext = "forged" if case["result"] == "invalid" else case["msg"]
    numbers, nonce = case["aad"], case["iv"]
    packet = esp_header(numbers) + nonce[8:] + case["ct"] + case["tag"]
    return opened(suite_of_key, case["key"] + nonce[:8], "", numbers, packet, plaintext)


def wycheproof(name, text):
    for group in json.loads(text)["testGroups"]:
        for case in group["tests"]:
            yield from wycheproof_case(name, group, case)


def wycheproof_case(name, group, case):
    forged = case["result"] == "invalid"
    if name in ("aes_gcm_test", "chacha20_poly1305_test"):
        if group["ivSize"] != 96 or group["tagSize"] != 128:
            return
        if name == "aes_gcm_test":
            yield line("gcm", case["key"], case["iv"], case["aad"], case["ct"], case["tag"],
                       "forged" if forged else case["msg"])
        if len(case["aad"]) // 2 in ESP_AAD_BYTES:
            yield aead(f"aes{group['keySize']}gcm16" if name == "aes_gcm_test" else "chacha20poly1305", case)
    elif name.startswith("hmac_sha"):
        bits = int(name.split("_")[1][3:])
        # A message is a packet from its eighth byte on.
        if group["keySize"] == bits and group["tagSize"] == bits // 2 and len(case["msg"]) >= 16:
            yield opened(f"null-sha{bits}", "", case["key"], case["msg"][:16], case["msg"] + case["tag"],
                         "forged" if forged else case["msg"][16:])
    elif name == "aes_cbc_pkcs5_test" and not forged:
        pad = 16 - len(case["msg"]) // 2 % 16
        integrity = bytes(range(32))
        packet = ANY_NUMBERS + case["iv"] + case["ct"]
        icv = hmac.new(integrity, bytes.fromhex(packet), hashlib.sha256).hexdigest()[:32]
        yield opened(f"aes{group['keySize']}-sha256", case["key"], integrity.hex(), ANY_NUMBERS, packet + icv,
                     case["msg"] + f"{pad:02x}" * pad)


def lines_of(folder):
    for name, text in files(folder):
        stem = pathlib.Path(name).stem
        if name.endswith(".rsp") and "gcmDecrypt" in name:
            yield from nist_gcm(text)
        elif name.endswith(".json"):
            yield from wycheproof(stem, text)


def main(replay):
    folder = os.environ.get("SLUICE_CRYPTO_VECTORS")
    if not folder:
        print("skipped: SLUICE_CRYPTO_VECTORS names no folder with test vectors")
        return SKIPPED
    lines = list(lines_of(folder))
    if not lines:
        print(f"skipped: no vectors for ESP in {folder}")
        return SKIPPED
    return subprocess.run([replay], input="\n".join(lines) + "\n", text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
