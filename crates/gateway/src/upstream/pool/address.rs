//! Which addresses may be connected to (T-51). Checked here, at the connector, on the very address that is used next,
//! so that no route can skip it and no second look-up can change it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use config::snapshot::Origin;

/// Whether we may connect to this address for an origin. A service of the machine we run on is meant to be at a link-local one, and
/// somebody has written that it is asked (`config::snapshot::Origin::of_the_machine`).
pub(crate) fn allowed_for(origin: &Origin, address: IpAddr) -> bool {
    (origin.of_the_machine && of_a_machine(address.to_canonical())) || allowed(address, origin.allow_private)
}

/// Where machines' own services are.
fn of_a_machine(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => matches!(v6.segments(), [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23]),
    }
}

/// Whether we may connect to this address.
pub(crate) fn allowed(address: IpAddr, allow_private: bool) -> bool {
    let address = address.to_canonical();
    if never(address) {
        return false;
    }
    allow_private || !private(address)
}

/// Link-local (cloud metadata services live there), multicast, broadcast, unspecified, reserved: nobody's API.
fn never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
                || v4.octets()[0] >= 240
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            v6.is_multicast()
                || v6.is_unspecified()
                || v6.segments()[0] & 0xffc0 == 0xfe80
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || embedded(v6).is_some_and(|v4| never(IpAddr::V4(v4)))
        }
    }
}

/// Loopback and the ranges of private networks.
fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || (first == 100 && (64..128).contains(&second))
                || (first == 198 && second & 0xfe == 18)
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.segments()[0] & 0xfe00 == 0xfc00
                || embedded(v6).is_some_and(|v4| private(IpAddr::V4(v4)))
        }
    }
}

/// The IPv4 address inside a translated (64:ff9b::/96) or 6to4 (2002::/16) address.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_never_connected_to() {
        for address in [
            "169.254.169.254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "100.100.100.200",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "255.255.255.255",
        ] {
            assert!(!allowed(address.parse().unwrap(), true), "{address}");
        }
    }

    #[test]
    fn a_machine_is_asked_at_its_own_address_where_that_was_written() {
        let machine = Origin { of_the_machine: true, ..Origin::plain("metadata", 80) };
        for (address, of_the_machine) in [
            ("169.254.169.254", true),
            ("169.254.170.2", true),
            ("fd00:ec2::254", true),
            ("fe80::1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(allowed_for(&machine, address), of_the_machine, "{address}");
            assert!(!allowed_for(&Origin::plain("metadata", 80), address), "{address}");
        }
    }

    #[test]
    fn private_addresses_only_where_allowed() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.20.0.1",
            "::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "100.64.0.1",
        ] {
            let address = address.parse().unwrap();
            assert!(allowed(address, true) && !allowed(address, false), "{address}");
        }
        assert!(allowed("104.18.6.192".parse().unwrap(), false));
    }
}
