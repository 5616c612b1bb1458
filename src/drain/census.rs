//! What the connection table says of drained servers. Counters alone cannot tell a connection
//! that waits out its TIME_WAIT from one that is half closed and still carries data: both count
//! as inactive.

use std::collections::{BTreeMap, BTreeSet};

use crate::connections::{Lane, Place, Places, Rows, is_shared};
use crate::kernel::proc::conn::ConnRow;
use crate::kernel::{Connections, KernelError};
use crate::snapshot::{Moment, Snapshot};

/// The rows of one server, by what they mean for a drain. Persistence templates aside, these are
/// connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// ESTABLISHED, of TCP or SCTP.
    pub established: u32,
    /// SYN_RECV, SYN_SENT, SYNACK.
    pub opening: u32,
    /// CLOSE_WAIT, FIN_WAIT, LAST_ACK: inactive, and may still carry data.
    pub half_closed: u32,
    /// TIME_WAIT, CLOSE, and SCTP's CLOSED and REJECTED: nothing follows.
    pub ended: u32,
    /// UDP, which has no end: an entry lives for 300 s after its last packet.
    pub udp: u32,
    /// Other states of SCTP, other protocols, FTP data connections that wait for their port.
    pub other: u32,
    /// Persistence templates that clients can still find.
    pub templates: u32,
    /// The longest timer among rows that may still carry data, in seconds.
    pub longest: u32,
    /// The longest timer of a template, in seconds.
    pub longest_template: u32,
    /// The service takes connections to other addresses or ports than its own (by firewall mark,
    /// for every port, or FTP), so rows are told apart by the server's address: connections
    /// that the same server has through another service may be among them.
    pub shared: bool,
}

impl Held {
    /// Connections that the counters call inactive, if they all belong here. Up to kernel 4.14
    /// opening ones are among them.
    pub fn not_established(&self) -> u32 {
        [self.opening, self.half_closed, self.ended, self.udp, self.other]
            .into_iter()
            .fold(0, u32::saturating_add)
    }

    /// Connections that may still carry data although they are not established.
    pub fn carrying(&self) -> u32 {
        self.not_established().saturating_sub(self.ended)
    }

    fn count(&mut self, template: bool, state: &[u8], expires: u32) {
        if template {
            self.templates = self.templates.saturating_add(1);
            self.longest_template = self.longest_template.max(expires);
            return;
        }
        let (kind, ended) = match state {
            b"ESTABLISHED" => (&mut self.established, false),
            b"SYN_RECV" | b"SYN_SENT" | b"SYNACK" => (&mut self.opening, false),
            b"CLOSE_WAIT" | b"FIN_WAIT" | b"LAST_ACK" => (&mut self.half_closed, false),
            b"TIME_WAIT" | b"CLOSE" | b"CLOSED" | b"REJECTED" => (&mut self.ended, true),
            b"UDP" => (&mut self.udp, false),
            _ => (&mut self.other, false),
        };
        *kind = kind.saturating_add(1);
        if !ended {
            self.longest = self.longest.max(expires);
        }
    }
}

/// One look at the whole connection table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// When the pass began.
    pub at: Moment,
    /// Rows looked at, of all servers.
    pub rows: u64,
    /// Lines that were no rows. Where there are any, something may have been left out.
    pub skipped: u64,
    /// What was found of each server asked for; zeros where nothing was.
    pub of: BTreeMap<Place, Held>,
    /// Who may claim a row.
    places: Places,
}

impl Census {
    /// An empty one, for these servers.
    pub fn of(at: Moment, servers: &BTreeSet<Place>) -> Self {
        let held = |place: &Place| Held { shared: is_shared(&place.0), ..Held::default() };
        let of = servers.iter().map(|place| (*place, held(place))).collect();
        Self { at, rows: 0, skipped: 0, of, places: Places::new(servers.iter().copied()) }
    }

    /// Counts every row of a pass that has reached the table's end.
    pub fn of_rows(at: Moment, servers: &BTreeSet<Place>, rows: &Rows, skipped: u64) -> Self {
        let mut census = Self::of(at, servers);
        (census.rows, census.skipped) = (rows.len() as u64, skipped);
        let claims: Vec<Vec<Place>> = rows.lanes().iter().map(|l| census.claims(l)).collect();
        for row in rows.iter() {
            for place in claims.get(row.lane_number()).into_iter().flatten() {
                if let Some(held) = census.of.get_mut(place) {
                    held.count(row.is_template(), row.state().as_str().as_bytes(), row.expires());
                }
            }
        }
        census
    }

    /// Counts a row for the server that it belongs to: that of the service whose address and port
    /// it names, or else any that could have taken it.
    pub fn count(&mut self, row: &ConnRow<'_>) {
        self.rows = self.rows.saturating_add(1);
        let lane = Lane::of(row);
        for place in self.claims(&lane) {
            if let Some(held) = self.of.get_mut(&place) {
                held.count(lane.template, row.state, row.expires);
            }
        }
    }

    fn claims(&self, lane: &Lane) -> Vec<Place> {
        if lane.is_invalidated() {
            return Vec::new();
        }
        let claims = self.places.claim(lane);
        claims.numbers().iter().filter_map(|number| self.places.get(*number)).copied().collect()
    }
}

/// Reads `pass` to its end. Rows that the kernel repeats, because the table changed meanwhile,
/// count twice: that errs towards "not empty yet", and the next census will tell.
///
/// # Errors
/// [`KernelError`] when the kernel refuses to go on; half a table says nothing of what is left.
pub fn take(
    pass: &mut dyn Connections,
    at: Moment,
    servers: &BTreeSet<Place>,
) -> Result<Census, KernelError> {
    let mut census = Census::of(at, servers);
    while let Some(mut rows) = pass.next_rows()? {
        for row in rows.by_ref() {
            census.count(&row);
        }
        census.skipped = census.skipped.saturating_add(rows.skipped());
    }
    Ok(census)
}

/// Most entries that a whole pass is cheap for: up to kernel 6.12 reading is quadratic, and this
/// many cost some tenths of a second there.
pub const AFFORDABLE: u64 = 20_000;

/// Entries of the connection table, as far as the counters tell: without netlink, templates are
/// not among them, and connections of deleted servers never are.
pub fn entries(snapshot: &Snapshot) -> u64 {
    let servers = snapshot.services.iter().flat_map(|service| &service.servers);
    let of = |n: u32| u64::from(n);
    servers.map(|s| of(s.active) + of(s.inactive) + s.persistent.map_or(0, of)).sum()
}

/// Whether a whole pass over the connection table is cheap.
pub fn affordable(snapshot: &Snapshot) -> bool {
    entries(snapshot) <= AFFORDABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::conn::Rows;

    fn place(text: &str) -> Place {
        let (service, server) = text.split_once(" -> ").unwrap();
        (service.parse().unwrap(), server.parse().unwrap())
    }

    fn of(places: &[&str], rows: &str) -> Census {
        let servers = places.iter().map(|text| place(text)).collect();
        let mut census = Census::of(Moment::default(), &servers);
        Rows::new(rows.as_bytes()).for_each(|row| census.count(&row));
        census
    }

    const WEB: &str = "TCP 10.0.0.1:80 -> 10.1.1.2:80";

    #[test]
    fn states_are_told_apart_and_timers_kept_of_what_may_carry_data() {
        let mut rows = String::new();
        for (state, expires) in [
            ("ESTABLISHED", 40),
            ("SYN_RECV", 50),
            ("SYN_SENT", 1),
            ("SYNACK", 1),
            ("CLOSE_WAIT", 60),
            ("FIN_WAIT", 55),
            ("LAST_ACK", 1),
            ("TIME_WAIT", 119),
            ("CLOSE", 118),
            ("LISTEN", 2),
        ] {
            rows += &format!(
                "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 {state:<11} {expires:>7}\n"
            );
        }
        // Another port, another server, another service, another protocol.
        for other in [
            "TCP 0A090002 AD06 0A000001 0050 0A010102 0051 ESTABLISHED     900\n",
            "TCP 0A090002 AD06 0A000001 0050 0A010103 0050 ESTABLISHED     900\n",
            "TCP 0A090002 AD06 0A000001 0051 0A010102 0050 ESTABLISHED     900\n",
            "UDP 0A090002 AD06 0A000001 0050 0A010102 0050 UDP             300\n",
        ] {
            rows += other;
        }
        let census = of(&[WEB], &rows);
        let held = Held {
            established: 1,
            opening: 3,
            half_closed: 3,
            ended: 2,
            other: 1,
            longest: 60,
            ..Held::default()
        };
        assert_eq!(census.of, BTreeMap::from([(place(WEB), held)]));
        assert_eq!((census.rows, held.carrying(), held.not_established()), (14, 7, 9));
    }

    #[test]
    fn templates_count_until_they_are_invalidated() {
        let census = of(
            &[WEB],
            "TCP 0A090002 0000 0A000001 0050 0A010102 0050 ASSURED         290\n\
             TCP 0A090003 0000 0A000001 0050 0A010102 0050 NONE            120\n\
             TCP 0A090004 0000 0A000001 0050 0A010102 FFFF NONE            299\n\
             TCP 0A090005 0000 0A000001 FFFF 0A010102 FFFF NONE            298\n",
        );
        let held = census.of[&place(WEB)];
        assert_eq!((held.templates, held.longest_template, held.longest), (2, 290, 0));
        assert_eq!(held.not_established(), 0);
    }

    #[test]
    fn a_mark_takes_any_address_and_its_templates_name_it() {
        let (five, six) = ("FWM 5 -> 10.1.2.2:0", "FWM 6 v6 -> [fd00:1::2]:0");
        let census = of(
            &[five, six],
            "IP  0A090000 0000 00000005 0000 0A010202 0000 NONE            111\n\
             IP  0A090000 0000 00000006 0000 0A010202 0000 NONE            111\n\
             TCP 0A090002 AD06 0A000001 0050 0A010202 0050 ESTABLISHED     111\n\
             UDP 0A090002 AD06 0A000009 0035 0A010202 0035 UDP             222\n\
             TCP 0A090002 0000 0A000001 0050 0A010202 0050 NONE            400\n\
             IP  fd00:0009:0000:0000:0000:0000:0000:0000 0000 \
             0000:0006:0000:0000:0000:0000:0000:0000 0000 \
             fd00:0001:0000:0000:0000:0000:0000:0002 0000 NONE            591\n",
        );
        let held = census.of[&place(five)];
        assert_eq!((held.templates, held.established, held.udp), (1, 1, 1));
        assert!(held.shared && held.longest == 222 && held.longest_template == 111);
        assert_eq!(census.of[&place(six)].templates, 1);
    }

    #[test]
    fn a_persistent_mark_keeps_the_port_that_was_asked_for() {
        let census = of(
            &["FWM 5 -> 10.1.2.2:80"],
            "IP  0A090000 0000 00000005 0000 0A010202 0000 NONE            111\n\
             TCP 0A090002 AD06 0A000001 01BB 0A010202 01BB ESTABLISHED     111\n\
             TCP 0A090002 AD07 0A000001 01BB 0A010202 0050 ESTABLISHED     111\n\
             TCP 0A090002 AD08 0A000001 01BB 0A010202 1F90 ESTABLISHED     111\n",
        );
        let held = census.of[&place("FWM 5 -> 10.1.2.2:80")];
        assert_eq!((held.templates, held.established), (1, 2));
    }

    #[test]
    fn a_service_for_every_port_takes_what_no_other_names() {
        let every = "TCP 10.0.0.1:0 -> 10.1.1.2:0";
        let census = of(
            &[every, WEB],
            "TCP 0A090002 0000 0A000001 0000 0A010102 0000 NONE            357\n\
             TCP 0A090002 AD06 0A000001 0050 0A010102 0050 ESTABLISHED     111\n\
             TCP 0A090002 AD06 0A000001 01BB 0A010102 01BB ESTABLISHED     112\n\
             TCP 0A090002 AD06 0A000002 01BB 0A010102 01BB ESTABLISHED     113\n",
        );
        let (all, web) = (census.of[&place(every)], census.of[&place(WEB)]);
        assert_eq!((all.templates, all.established, all.longest), (1, 1, 112));
        assert_eq!((web.templates, web.established, web.shared), (0, 1, false));
    }

    #[test]
    fn ftp_has_a_template_for_port_0_and_data_on_others() {
        let ftp = "TCP 10.0.0.1:21 -> 10.1.1.2:21";
        let census = of(
            &[ftp],
            "TCP 0A090002 0000 0A000001 0000 0A010102 0000 NONE            357\n\
             TCP 0A090002 AD06 0A000001 0015 0A010102 0015 ESTABLISHED     111\n\
             TCP 0A090002 0000 0A000001 0014 0A010102 0014 LISTEN          118\n\
             TCP 0A090002 AD07 0A000001 9C40 0A010102 9C41 ESTABLISHED     112\n\
             TCP 0A090002 AD08 0A000001 0050 0A010102 0050 ESTABLISHED     900\n",
        );
        let held = census.of[&place(ftp)];
        assert_eq!((held.templates, held.established, held.other, held.longest), (1, 2, 1, 118));
        assert!(held.shared);
    }

    #[test]
    fn a_server_without_a_port_is_given_the_clients() {
        let open = "UDP 10.0.0.1:53 -> 10.1.1.2";
        let census =
            of(&[open], "UDP 0A090002 AD06 0A000001 0035 0A010102 0035 UDP             222\n");
        assert_eq!(census.of[&place(open)].udp, 1);
    }

    /// Everything that a kernel may print is counted or passed over.
    #[test]
    fn a_real_table_is_taken_to_its_end() {
        struct Pieces(Vec<&'static [u8]>);
        impl Connections for Pieces {
            fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
                Ok(self.0.pop().map(Rows::new))
            }
        }
        let table = include_bytes!("../../tests/lab/fixtures/6.1/proc-net-ip_vs_conn");
        let servers = [
            "TCP 10.0.0.1:80 -> 10.1.3.2:8080",
            "TCP [fd00::1]:80 -> [fd00:1::2]:80",
            "FWM 5 -> 10.1.2.2:0",
        ];
        let servers = servers.map(place).into_iter().collect();
        let census =
            take(&mut Pieces(vec![b"no row\n", b"", table]), Moment::default(), &servers).unwrap();
        let lines = table.iter().filter(|b| **b == b'\n').count() as u64;
        assert_eq!((census.rows, census.skipped), (lines - 1, 1));
        assert!(census.of.values().all(|held| held.not_established() + held.templates > 0));
    }
}
