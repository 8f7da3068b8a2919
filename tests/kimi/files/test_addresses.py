from __future__ import annotations

from ipaddress import ip_network

import pytest

from kimi.files.addresses import is_fetchable

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "99.255.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "192.1.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2400:3200::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::f00:1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
    "2606:4700::5efe:808:808",
    "2606:4700::200:5efe:a00:1",
    "2606:4700:4700::1111%eth0",
    "64:ff9b:1:fffe::808:808",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "127.1",
    "2130706433",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_can_be_fetched_from(address: str) -> None:
    assert is_fetchable(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_others_cannot(address: str) -> None:
    assert not is_fetchable(address)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("::1", "::1/128"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("64:ff9b::a01:203", "10.0.0.0/8"),
        ("fd00::7", "fd00::/8"),
    ],
)
def test_the_operator_can_allow_networks(address: str, network: str) -> None:
    allowed = [ip_network("192.168.7.0/24"), ip_network(network)]
    assert is_fetchable(address, allowed)
    assert not is_fetchable(address, allowed[:1])
    assert not is_fetchable("127.0.0.2", allowed)
