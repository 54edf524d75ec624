//! What happens to packets between hosts. Open connections stay open: nobody is told.

use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::{Hosts, ip, ip_command};
use crate::command::{output, run};

/// Holds packets back, in Python, since not every kernel has `netem`.
const DELAY: &str = include_str!("delay.py");

impl Hosts {
    /// Loses all packets between two hosts, until [`Self::heal`].
    pub fn cut(&self, one: &str, other: &str) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    /// Loses all packets from one host to another.
    pub fn cut_one_way(&self, from: &str, to: &str) {
        self.refuse(from, to, &[]);
    }

    /// Loses all packets between a host and all others.
    pub fn isolate(&self, host: &str) {
        for other in self.addresses.keys().filter(|other| *other != host) {
            self.cut(host, other);
        }
    }

    /// Loses some of the packets from one host to another, at random.
    pub fn lose(&self, from: &str, to: &str, percent: u8) {
        assert!(percent <= 100, "{percent} % of the packets");
        let probability = format!("{}.{:02}", percent / 100, percent % 100);
        self.refuse(from, to, &["-m", "statistic", "--mode", "random", "--probability", &probability]);
    }

    /// Delivers each packet from one host to another that much later, instead of any delay set before. It includes those to the
    /// shared address, if the other has it now.
    pub fn delay(&mut self, from: &str, to: &str, by: Duration) {
        let pair = (from.to_owned(), to.to_owned());
        self.delays.remove(&pair);
        let delay = Delay::start(self, from, to, by);
        self.delays.insert(pair, delay);
    }

    /// Delivers every packet again, and at once.
    pub fn heal(&mut self) {
        self.delays.clear();
        for host in self.addresses.keys() {
            run(self.command(host, "iptables").args(["--wait", "--flush", "INPUT"]));
        }
    }

    /// Drops what arrives from a host: also what that sends from the shared address, or to it.
    fn refuse(&self, from: &str, to: &str, when: &[&str]) {
        let from = self.mac(from);
        let mut iptables = self.command(to, "iptables");
        iptables.args(["--wait", "--append", "INPUT", "-m", "mac", "--mac-source", &from]);
        run(iptables.args(when).args(["--jump", "DROP"]));
    }

    /// The hardware address of a host's interface.
    fn mac(&self, host: &str) -> String {
        run(self.command(host, "cat").arg("/sys/class/net/eth0/address"))
    }
}

/// A detour within a host for the packets that it sends to another; dropped, it ends.
#[derive(Debug)]
pub(super) struct Delay {
    namespace: String,
    rules: Vec<String>,
    process: Child,
}

impl Delay {
    fn start(hosts: &Hosts, from: &str, to: &str, by: Duration) -> Self {
        let (namespace, source, target) = (hosts.namespace(from), hosts.ipv4(from), hosts.ipv4(to));
        let number = target.octets()[3];
        let device = format!("delay{number}");
        let mut process = hosts.command(from, "python3");
        process.args(["-c", DELAY, &device, &by.as_secs_f64().to_string()]);
        let mut process = process.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("ip starts");
        let mut ready = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut ready).expect("a line");
        assert_eq!(ready, "ready\n", "cannot delay packets: is there a /dev/net/tun?");
        let table = 1000 + u32::from(number);
        ip(&namespace, &format!("link set {device} up"));
        ip(&namespace, &format!("route add default dev {device} src {source} table {table}"));
        let shared = hosts.shared_address();
        let targets = [Some(target.into()), (hosts.shared.as_deref() == Some(to)).then_some(shared)];
        // What comes out of the detour is not from this host's programs, so it takes the usual way.
        let rules: Vec<String> = targets
            .into_iter()
            .flatten()
            .map(|target: IpAddr| format!("iif lo to {target} lookup {table}"))
            .collect();
        for rule in &rules {
            ip(&namespace, &format!("rule add {rule}"));
        }
        Self { namespace, rules, process }
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        for rule in &self.rules {
            output(&mut ip_command(&self.namespace, &format!("rule del {rule}")));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
