//! How this machine reaches addresses: whether one is its own, on a segment with it, or behind a
//! gateway.
//!
//! Asked over route netlink, which needs no rights and loads nothing. Unlike the tables that
//! `/proc/net` prints, the kernel's own answer knows policy rules, marks, VRFs and every table, and
//! does not grow with them.

pub mod message;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::ipvs::Family;
use crate::kernel::KernelError;
use socket::Socket;

/// How the kernel would send a packet to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To itself: the address is its own.
    Local,
    /// Straight to it, over the link of this index.
    Direct {
        /// Index of the link.
        link: u32,
        /// The address it would send from.
        source: Option<IpAddr>,
    },
    /// By way of a gateway.
    Via {
        /// The gateway; it can be of the other family.
        gateway: IpAddr,
        /// Index of the link that leads there.
        link: u32,
        /// The address it would send from.
        source: Option<IpAddr>,
    },
    /// Not at all; why.
    Nowhere(String),
    /// The kernel could not be asked; why.
    Unknown(String),
}

impl Route {
    /// The link that it leaves by, unless it stays here or goes nowhere.
    pub fn link(&self) -> Option<u32> {
        match self {
            Self::Direct { link, .. } | Self::Via { link, .. } => Some(*link),
            _ => None,
        }
    }
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is set up (`IFF_UP`).
    pub up: bool,
    /// Whether it leads to this machine alone.
    pub loopback: bool,
    /// What kind of hardware it is or looks like (`ARPHRD_*`).
    pub kind: u16,
}

impl Link {
    /// Whether it takes packets out of IPIP or GRE tunnels (`ARPHRD_TUNNEL`, `ARPHRD_TUNNEL6`,
    /// `ARPHRD_SIT`, `ARPHRD_IPGRE`, `ARPHRD_IP6GRE`).
    pub fn is_tunnel(&self) -> bool {
        matches!(self.kind, 768 | 769 | 776 | 778 | 823)
    }
}

/// A rule that chooses a routing table by more than the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whose packets.
    pub family: Family,
    /// Only packets with this firewall mark, as far as the mask lets through.
    pub mark: Option<u32>,
    /// Only packets that came in by this interface.
    pub incoming: Option<String>,
    /// The table.
    pub table: u32,
}

/// Which addresses are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Those that should be this machine's: they are also looked for behind firewall marks.
    pub own: BTreeSet<IpAddr>,
    /// Others.
    pub others: BTreeSet<IpAddr>,
}

/// How this machine's network looks, in the network namespace of the thread that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The interfaces.
    pub links: Vec<Link>,
    /// Addresses with the index of their interface, without those that another machine was found
    /// to have (IPv6, `IFA_F_DADFAILED`).
    pub addresses: Vec<(u32, IpAddr)>,
    /// The rules that do more than look the destination up.
    pub rules: Vec<Rule>,
    /// The routes that were asked for.
    pub routes: BTreeMap<IpAddr, Route>,
    /// Addresses that are this machine's own for packets with a mark, and with no other.
    pub marked: BTreeSet<(IpAddr, u32)>,
    /// The way to the rest of the world: to an address that nobody has (192.0.2.1, RFC 5737).
    pub outward: Route,
    /// How many addresses were not asked for, because there are more than [`MOST`].
    pub left_out: usize,
}

/// So many addresses are asked for. Each costs the kernel some 10 µs.
pub const MOST: usize = 16_384;

/// An address for documentation, which only a default route leads to.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

impl Network {
    /// Asks the kernel.
    ///
    /// # Errors
    /// [`KernelError`] when there is no route netlink to be had. A single address that cannot be
    /// asked for is [`Route::Unknown`].
    pub fn read(wanted: &Addresses) -> Result<Self, KernelError> {
        let mut socket = Socket::open()?;
        let links = socket.links()?;
        let addresses = socket.addresses()?;
        let mut rules = socket.rules(Family::V4)?;
        rules.extend(socket.rules(Family::V6)?);
        let (mut routes, mut marked) = (BTreeMap::new(), BTreeSet::new());
        let all = wanted.own.iter().chain(&wanted.others);
        for addr in all.clone().take(MOST) {
            let route = socket.route(*addr, None)?;
            if route != Route::Local && wanted.own.contains(addr) {
                let marks = rules.iter().filter(|r| r.family == Family::of(*addr));
                let marks: BTreeSet<u32> = marks.filter_map(|rule| rule.mark).collect();
                for mark in marks {
                    if socket.route(*addr, Some(mark))? == Route::Local {
                        marked.insert((*addr, mark));
                    }
                }
            }
            routes.insert(*addr, route);
        }
        let left_out = all.count().saturating_sub(MOST);
        let outward = socket.route(ELSEWHERE, None)?;
        Ok(Self { links, addresses, rules, routes, marked, outward, left_out })
    }

    /// The interface with this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The interface with this name.
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The interface that holds `addr`.
    pub fn holder(&self, addr: IpAddr) -> Option<&Link> {
        let (index, _) = self.addresses.iter().find(|(_, held)| *held == addr)?;
        self.link(*index)
    }

    /// Whether `addr` is this machine's own, if that was asked. An address on an interface
    /// counts, though a VRF may keep it from the main table.
    pub fn is_own(&self, addr: IpAddr) -> Option<bool> {
        if self.holder(addr).is_some() {
            return Some(true);
        }
        match self.routes.get(&addr)? {
            Route::Local => Some(true),
            Route::Unknown(_) => None,
            Route::Direct { .. } | Route::Via { .. } | Route::Nowhere(_) => Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On whatever Linux this runs, without any right: the loopback address is its own.
    #[test]
    fn this_machine_knows_itself() {
        let home: IpAddr = "127.0.0.1".parse().unwrap();
        let wanted = Addresses { own: BTreeSet::from([home]), ..Addresses::default() };
        let network = Network::read(&wanted).unwrap();
        assert_eq!(network.routes.get(&home), Some(&Route::Local));
        assert_eq!(network.is_own(home), Some(true));
        assert_eq!(network.is_own("203.0.113.9".parse().unwrap()), None, "nobody asked");
        let lo = network.named("lo").unwrap();
        assert!(lo.loopback && !lo.is_tunnel());
        assert_eq!(network.link(lo.index), Some(lo));
        assert_eq!(network.left_out, 0);
    }
}
