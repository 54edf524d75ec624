//! Hosts: network namespaces with addresses of their own, on one switch.

mod faults;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::Place;
use crate::command::{bounded, output, run};
use crate::watcher::{Watcher, clean_up, is_left_behind, new_name};
use faults::Delay;

/// Ends all processes in namespaces, then removes these.
const CLEAN_UP: &str = include_str!("hosts.sh");

/// Hosts that see nothing but each other, on a network that nobody else sees. Dropped, they are removed, and the processes in them
/// are killed.
///
/// They need Linux, and root or what a privileged container's root may do.
#[derive(Debug)]
pub struct Hosts {
    /// Begins the name of each host's namespace, and is that of the switch.
    name: String,
    addresses: BTreeMap<String, Ipv4Addr>,
    /// Who has the shared address.
    shared: Option<String>,
    /// By who sends and who receives.
    delays: BTreeMap<(String, String), Delay>,
    _watcher: Watcher,
}

impl Hosts {
    /// Hosts of those names, which are of letters and digits.
    ///
    /// # Panics
    /// If this machine has no network namespaces for us.
    pub fn new(names: &[&str]) -> Self {
        remove_leftovers();
        let name = new_name();
        let namespaces: Vec<String> = names.iter().map(|host| namespace(&name, host)).collect();
        let mut arguments = vec![name.as_str()];
        arguments.extend(namespaces.iter().map(String::as_str));
        let watcher = Watcher::start(CLEAN_UP, &arguments);

        let added = output(bounded("ip").args(["netns", "add", &name]));
        assert!(
            added.status.success(),
            "there are no network namespaces here, which these tests need: run them as root on Linux, in a container as \
             `--privileged`, with Debian's `iproute2` and `iptables`. `ip netns add` said: {}",
            String::from_utf8_lossy(&added.stderr)
        );
        ip(&name, "link add bridge type bridge");
        ip(&name, "link set bridge up");
        let mut addresses = BTreeMap::new();
        for (number, (host, namespace)) in (1..).zip(names.iter().zip(&namespaces)) {
            let address = Ipv4Addr::new(10, 90, 0, number);
            run(bounded("ip").args(["netns", "add", namespace]));
            ip(&name, &format!("link add port{number} type veth peer name eth0 netns {namespace}"));
            ip(&name, &format!("link set port{number} master bridge up"));
            ip(namespace, "link set lo up");
            ip(namespace, "link set eth0 up");
            ip(namespace, &format!("address add {address}/24 dev eth0"));
            addresses.insert((*host).to_owned(), address);
        }
        Self { name, addresses, shared: None, delays: BTreeMap::new(), _watcher: watcher }
    }

    /// A host's address.
    pub fn address(&self, host: &str) -> IpAddr {
        self.ipv4(host).into()
    }

    /// A host, for a server that runs on it.
    pub fn place(&self, host: &str) -> Place {
        Place { namespace: Some(self.namespace(host)), address: self.address(host) }
    }

    /// The address that failover moves: whoever was given it last answers on it.
    pub fn shared_address(&self) -> IpAddr {
        Ipv4Addr::new(10, 90, 0, 200).into()
    }

    /// Takes [`Self::shared_address`] from every other host, and gives it to this one.
    pub fn give_shared_address(&mut self, host: &str) {
        let shared = self.shared_address();
        for other in self.addresses.keys() {
            let namespace = self.namespace(other);
            // It has none of it to lose, or nobody to forget.
            for words in
                [format!("address del {shared}/24 dev eth0"), format!("neighbour del {shared} dev eth0")]
            {
                output(&mut ip_command(&namespace, &words));
            }
        }
        ip(&self.namespace(host), &format!("address add {shared}/24 dev eth0"));
        self.shared = Some(host.to_owned());
    }

    /// A program on a host. Its process's number is the program's own, so signals reach it.
    pub fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), program]);
        command
    }

    /// Moves this thread to a host: connections that it makes from now on, and threads that it starts, are there. It does not come
    /// back.
    pub fn enter(&self, host: &str) {
        let file = fs::File::open(format!("/run/netns/{}", self.namespace(host))).expect("a namespace");
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
            .expect("entered");
    }

    fn ipv4(&self, host: &str) -> Ipv4Addr {
        *self.addresses.get(host).unwrap_or_else(|| panic!("there is no host {host}"))
    }

    fn namespace(&self, host: &str) -> String {
        self.ipv4(host);
        namespace(&self.name, host)
    }
}

fn namespace(name: &str, host: &str) -> String {
    format!("{name}-{host}")
}

/// Runs a command of `ip` in a namespace.
fn ip(namespace: &str, words: &str) {
    run(&mut ip_command(namespace, words));
}

fn ip_command(namespace: &str, words: &str) -> Command {
    let mut command = bounded("ip");
    command.args(["-netns", namespace]).args(words.split(' '));
    command
}

fn remove_leftovers() {
    let Ok(namespaces) = fs::read_dir("/run/netns") else { return };
    let names = namespaces.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for name in names.filter(|name| is_left_behind(name)) {
        clean_up(CLEAN_UP, &[&name]);
    }
}
