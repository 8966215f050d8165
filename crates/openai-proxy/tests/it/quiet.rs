//! At start, and while nobody asks, no packet goes beyond loopback: counted in a network of its own.
//!
//! The network has loopback and one more interface, which every address leads to and nobody answers at: whatever is tried,
//! a name's look-up included, is counted as sent. The test makes that network and runs its second half inside.

use std::time::{Duration, Instant};

use testkit::caller::ask;

use crate::house::chat;
use crate::network;
use crate::starting::Program;

/// A table of hosts and a resolver of its own, and an interface that everything leads to.
const SETUP: &str = r#"
printf '127.0.0.1 localhost\n' > "$1/hosts"
printf 'nameserver 10.99.0.2\n' > "$1/resolv.conf"
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/resolv.conf" /etc/resolv.conf
ip link add d0 type dummy 2>/dev/null || ip link add d0 type veth peer name d1
# The kernel's own words over IPv6 are not the program's.
for each in all default; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6 || true; done 2>/dev/null
ip link set d0 addrgenmode none
ip addr add 10.99.0.1/24 dev d0
ip link set d0 up
if ip link show d1 >/dev/null 2>&1; then ip link set d1 addrgenmode none up; fi
ip route add default dev d0
"#;

#[test]
fn nothing_leaves_this_computer_before_somebody_asks() {
    let dir = tempfile::tempdir().unwrap();
    if let Some(told) = network::run_inside("quiet::inside", SETUP, dir.path()) {
        let counted = told.lines().find(|line| line.contains("0 packets before"));
        eprintln!("{}", counted.unwrap_or_else(|| panic!("nothing was counted: {told}")));
    }
}

/// Packets handed to the interface that leads everywhere, whether they could be sent or not; `None` outside the network.
fn packets() -> Option<u64> {
    let table = std::fs::read_to_string("/proc/self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix("d0:"))?;
    let counts: Vec<u64> = line.split_whitespace().map(|count| count.parse().unwrap()).collect();
    // Sent, failed and dropped.
    Some(counts[9] + counts[10] + counts[11])
}

/// The second half, inside the network.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above in a network of its own"]
async fn inside() {
    let Some(before) = packets() else {
        eprintln!("PASSED OVER: this is not the network made for it");
        return;
    };
    let keys = [
        ("OPENAI_API_KEY", "sk-canary-0123456789"),
        ("GROQ_API_KEY", "gsk-canary-0123456789"),
        ("OPENROUTER_API_KEY", "sk-or-canary-0123456789"),
    ];
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    let mut quickest = Duration::MAX;
    // The machine may be busy with something else once or twice.
    for _ in 0..5 {
        let began = Instant::now();
        let mut program = Program::start(tempfile::tempdir().unwrap(), &arguments, &keys);
        program.address();
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < Duration::from_millis(500), "ready after {quickest:?}");
    let mut program = Program::start(tempfile::tempdir().unwrap(), &arguments, &keys);
    let address = program.address();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ask(address, "GET", "/readyz", &[], "").await.status, 200);
    assert_eq!(packets(), Some(before), "something was sent before anybody asked");
    // And what is asked of a cloud does go out: the count can move.
    let mut asked = tokio::task::JoinSet::new();
    asked
        .spawn(async move { ask(address, "POST", "/v1/chat/completions", &[], chat("gpt-4o", false)).await });
    let deadline = Instant::now() + Duration::from_secs(10);
    while packets() == Some(before) {
        assert!(Instant::now() < deadline, "a call to a cloud was not counted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    eprintln!("ready after {quickest:?}; 0 packets before the first call, {:?} after", packets());
}
