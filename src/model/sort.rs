//! The order of real servers within their service. Services keep ipvsadm's.

use std::cmp::Reverse;

use crate::history::Metric;
use crate::snapshot::ServerEntry;

/// What servers are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Address and port, ipvsadm's order.
    #[default]
    Address,
    /// Weight.
    Weight,
    /// Active connections.
    Active,
    /// Inactive connections.
    Inactive,
    /// The rate that is shown, as the kernel averages it.
    Rate,
}

/// An order of servers: addresses ascend and numbers descend, unless it is reversed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: By,
    /// The other way round.
    pub reversed: bool,
}

impl Sort {
    const ALL: [By; 5] = [By::Address, By::Weight, By::Active, By::Inactive, By::Rate];

    /// By the next column, in that column's own direction.
    #[must_use]
    pub(super) fn next(self) -> Self {
        let place = Self::ALL.iter().position(|by| *by == self.by).unwrap_or(0);
        let by = Self::ALL.iter().cycle().nth(place + 1).copied().unwrap_or_default();
        Self { by, reversed: false }
    }

    /// Whether the largest comes first.
    pub fn descends(self) -> bool {
        (self.by != By::Address) != self.reversed
    }

    /// Whether it is ipvsadm's own order.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// Sorts servers that stand in ipvsadm's order, which decides between equals. A rate that is
    /// not known (`rate` is `None`, or `/proc` alone was read) stands last.
    pub(super) fn apply(self, servers: &mut [&ServerEntry], rate: Option<Metric>) {
        let value = |server: &ServerEntry| -> Option<u64> {
            match self.by {
                By::Address => None,
                By::Weight => Some(server.server.weight.into()),
                By::Active => Some(server.active.into()),
                By::Inactive => Some(server.inactive.into()),
                By::Rate => Some(rate?.now(&server.stats?.rates)),
            }
        };
        match (self.by, self.descends()) {
            (By::Address, false) => {}
            (By::Address, true) => servers.reverse(),
            (_, true) => servers.sort_by_key(|server| Reverse(value(server))),
            (_, false) => servers.sort_by_key(|server| value(server).map_or((1, 0), |v| (0, v))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Forwarding, Rates, Server, Stats};

    fn server(key: &str, weight: u32, cps: Option<u64>) -> ServerEntry {
        let rates = |connections| Rates { connections, ..Rates::default() };
        ServerEntry {
            server: Server::new(key.parse().unwrap(), Forwarding::Masq, weight),
            active: 0,
            inactive: 0,
            persistent: None,
            stats: cps.map(|cps| Stats { rates: rates(cps), ..Stats::default() }),
            unknown: Vec::new(),
        }
    }

    /// The last digits of the servers' addresses.
    fn sorted(by: By, reversed: bool, rate: Option<Metric>) -> String {
        let all = [
            server("10.0.0.1:80", 5, Some(3)),
            server("10.0.0.2:80", 9, None),
            server("10.0.0.3:80", 5, Some(8)),
            server("10.0.0.4:80", 0, Some(0)),
        ];
        let mut servers: Vec<&ServerEntry> = all.iter().collect();
        Sort { by, reversed }.apply(&mut servers, rate);
        servers.iter().map(|s| s.server.key.addr.to_string().pop().unwrap()).collect()
    }

    #[test]
    fn numbers_descend_equals_keep_their_order_and_the_unknown_stands_last() {
        let cps = Some(Metric::Cps);
        assert_eq!(sorted(By::Address, false, cps), "1234");
        assert_eq!(sorted(By::Address, true, cps), "4321");
        assert_eq!(sorted(By::Weight, false, cps), "2134");
        assert_eq!(sorted(By::Weight, true, cps), "4132");
        assert_eq!(sorted(By::Active, false, cps), "1234");
        assert_eq!(sorted(By::Rate, false, cps), "3142");
        assert_eq!(sorted(By::Rate, true, cps), "4132");
        assert_eq!(sorted(By::Rate, false, None), "1234");
    }

    #[test]
    fn columns_are_gone_through_in_a_circle() {
        let mut sort = Sort { reversed: true, ..Sort::default() };
        for by in [By::Weight, By::Active, By::Inactive, By::Rate, By::Address] {
            sort = sort.next();
            assert_eq!(sort, Sort { by, reversed: false });
        }
        assert!(sort.is_plain());
    }
}
