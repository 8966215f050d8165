//! All tallies of the house, shared by its workers. They are known by the names in the configuration, and so outlast a change of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use config::Snapshot;

use super::tally::{Claims, Tally, Whose};
use crate::identify::Caller;
use crate::intake::Call;

/// Addresses are remembered in so many places, each with a lock of its own.
const PLACES: usize = 16;
/// So many addresses are told apart at one place; those that come then are one.
const ADDRESSES: usize = 640;
/// How often addresses that are quiet again are looked for, microseconds.
const SWEEP_US: u64 = 1_000_000;

/// Everything that is counted.
pub(crate) struct Tallies {
    began: Instant,
    global: Arc<Tally>,
    named: ArcSwap<Named>,
    addresses: [Mutex<Addresses>; PLACES],
}

/// Those with a name, found without a lock.
#[derive(Default)]
struct Named {
    /// A key's own, and its share of what each key may.
    keys: HashMap<Arc<str>, [Arc<Tally>; 2]>,
    models: HashMap<String, Arc<Tally>>,
}

#[derive(Default)]
struct Addresses {
    known: HashMap<IpAddr, Arc<Tally>>,
    /// Those for whom there was no room.
    others: Arc<Tally>,
    swept_us: u64,
}

impl Tallies {
    /// For a configuration.
    pub(crate) fn new(world: &Snapshot) -> Self {
        let tallies = Self {
            began: Instant::now(),
            global: Arc::default(),
            named: ArcSwap::default(),
            addresses: Default::default(),
        };
        tallies.describe(world, world);
        tallies
    }

    /// Makes room for a configuration that is about to be published. What the one before names stays until the next: calls that
    /// have it are counted still.
    pub(crate) fn describe(&self, before: &Snapshot, world: &Snapshot) {
        let old = self.named.load();
        let mut new = Named::default();
        for key in before.callers.keys().iter().chain(world.callers.keys()) {
            let tallies = old.keys.get(&key.name).cloned().unwrap_or_default();
            new.keys.entry(key.name.clone()).or_insert(tallies);
        }
        for model in before.limits.per_model.keys().chain(world.limits.per_model.keys()) {
            let tally = old.models.get(model).cloned().unwrap_or_default();
            new.models.entry(model.clone()).or_insert(tally);
        }
        self.named.store(Arc::new(new));
    }

    /// A moment in microseconds since the house began.
    pub(super) fn us(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }

    /// The limits a call has to keep, always in the same order, everybody's last: its lock is held the shortest.
    pub(super) fn claims<'a>(
        &self,
        world: &'a Snapshot,
        caller: &'a Caller,
        call: &'a Call,
        now_us: u64,
    ) -> Claims<'a> {
        let limits = &world.limits;
        let mut claims = Claims::default();
        let named = self.named.load();
        if let Some(key) = caller.key()
            && !(key.limit.is_none() && limits.per_key.is_none())
            && let Some([own, each]) = named.keys.get(&key.name)
        {
            claims.push(Whose::Key(&key.name), &key.limit, own);
            claims.push(Whose::EachKey(&key.name), &limits.per_key, each);
        }
        if !limits.per_model.is_empty()
            && let Some(model) = call.model.as_deref()
            && let Some((limit, tally)) = limits.per_model.get(model).zip(named.models.get(model))
        {
            claims.push(Whose::Model(model), limit, tally);
        }
        if !limits.per_ip.is_none()
            && let Some(address) = call.caller_ip
        {
            claims.push(Whose::Address, &limits.per_ip, &self.address(address, now_us));
        }
        claims.push(Whose::Global, &limits.global, &self.global);
        claims
    }

    fn address(&self, address: IpAddr, now_us: u64) -> Arc<Tally> {
        let address = whose(address);
        let mut addresses = self.addresses[place(address)].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = addresses.known.get(&address) {
            return tally.clone();
        }
        if addresses.known.len() >= ADDRESSES && now_us >= addresses.swept_us + SWEEP_US {
            addresses.swept_us = now_us;
            // One that a call is being counted in has a second owner.
            addresses.known.retain(|_, tally| Arc::strong_count(tally) > 1 || !tally.is_idle(now_us));
        }
        if addresses.known.len() >= ADDRESSES {
            return addresses.others.clone();
        }
        addresses.known.entry(address).or_default().clone()
    }
}

/// Whoever has an IPv6 address has 2^64 of them: the first half says who it is.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

fn place(address: IpAddr) -> usize {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() >> 64,
    };
    // All bytes take part: neighbours differ in the last ones only.
    bits.to_le_bytes().iter().fold(0, |place, byte| place ^ usize::from(byte ^ (byte >> 4))) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies() -> Tallies {
        let world = config::parse("providers: {mock: {}}", &std::collections::BTreeMap::new());
        Tallies::new(&world.unwrap_or_else(|problems| unreachable!("{problems}")).snapshot)
    }

    #[test]
    fn ever_new_addresses_fill_no_memory_and_a_neighbour_in_the_same_network_is_the_same() {
        let tallies = tallies();
        for n in 0..100_000_u32 {
            tallies.address(IpAddr::V4(n.into()), 0);
        }
        let known: usize =
            tallies.addresses.iter().map(|one| one.lock().map_or(0, |one| one.known.len())).sum();
        assert_eq!(known, PLACES * ADDRESSES);
        let newcomer = || tallies.address("203.0.113.7".parse().unwrap_or(IpAddr::V4(0.into())), 0);
        assert!(Arc::ptr_eq(&newcomer(), &newcomer()));
        // A moment later those that are quiet make room.
        tallies.address(IpAddr::V4(999_999.into()), SWEEP_US);
        let after: usize =
            tallies.addresses.iter().map(|one| one.lock().map_or(0, |one| one.known.len())).sum();
        assert_eq!(after, (PLACES - 1) * ADDRESSES + 1);
        let of = |text: &str| text.parse().map(whose);
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
