//! Whole drains, of made-up clients on the embedded director.

use super::*;
use crate::ipvs::Change;
use crate::kernel::sim::{Clock, Director};
use crate::kernel::{Reader, Want, Writer};

/// A drain as a worker would follow it: a look every second, and at the table every five.
struct Watch {
    director: Director,
    drain: Drain,
    seconds: usize,
}

impl Watch {
    /// Quiesces the server.
    fn begin(scenario: &str, service: &str, server: &str) -> Self {
        let director = Director::open(scenario.parse().unwrap(), 7, Clock::Manual);
        let place: Place = (service.parse().unwrap(), server.parse().unwrap());
        let before = director.reader().service(&place.0).unwrap().unwrap();
        let before = before.server(&place.1).unwrap().server.clone();
        director.writer().apply(&Change::weight(place.0, &before, 0)).unwrap();
        Self { director, drain: Drain::resumed(&record(&[(service, server)], true)), seconds: 0 }
    }

    fn second(&mut self) -> &Verdict {
        self.director.advance(Duration::from_secs(1));
        let mut reader = self.director.reader();
        let snapshot = reader.snapshot(&Want::everything()).unwrap();
        self.drain.follow(&snapshot);
        self.seconds += 1;
        if self.seconds.is_multiple_of(5) {
            assert!(affordable(&snapshot));
            let servers = self.drain.servers().collect();
            let mut pass = reader.connections().unwrap();
            let census = take(&mut *pass, snapshot.at, &servers).unwrap();
            self.drain.census(&census);
        }
        self.drain.verdict()
    }

    /// Follows until it is safe; tells after how many seconds.
    fn until_safe(&mut self, most: usize) -> usize {
        let done = (1..=most).find(|_| self.second().is_safe());
        done.unwrap_or_else(|| panic!("after {most} s: {}", self.drain.verdict()))
    }

    /// States of what is left on the server, templates aside.
    fn left(&self) -> BTreeSet<String> {
        let (service, server) = self.drain.servers().next().unwrap();
        let rows = self.director.connections();
        let rows = rows.iter().filter(|r| r.service() == service && r.server == server);
        rows.filter(|row| !row.template).map(|row| row.state.to_string()).collect()
    }
}

#[test]
fn a_masqueraded_server_empties_and_only_time_wait_is_left() {
    let mut watch = Watch::begin("web", WEB, "10.1.1.2:80");
    assert!(matches!(watch.second(), Verdict::Emptying { .. }), "{}", watch.drain.verdict());
    let mut estimates = Vec::new();
    let mut safe = None;
    for second in 2..600 {
        match watch.second() {
            Verdict::Emptying { .. } => estimates.push((second, watch.drain.estimate())),
            Verdict::Safe { .. } => {
                safe = Some(second);
                break;
            }
            other => panic!("after {second} s: {other}"),
        }
    }
    let safe = safe.unwrap();
    assert!(safe > 20, "{safe}");
    let basis = "every entry of the table was looked at: only TIME_WAIT is left";
    assert!(watch.drain.verdict().to_string().contains(basis), "{}", watch.drain.verdict());
    assert_eq!(watch.left(), BTreeSet::from(["TIME_WAIT".to_owned()]));
    // Once half of the way is gone, estimates are near the truth.
    let near = |(second, found): &(u64, Option<Estimate>)| {
        let Estimate { left, error } = (*found)?;
        let truth = (safe - second) as f64;
        Some((left.as_secs_f64() - truth).abs() <= 2.0 * error.as_secs_f64() + 1.0)
    };
    let told: Vec<bool> = estimates.iter().filter_map(near).collect();
    let right = told.iter().filter(|near| **near).count();
    assert!(told.len() * 2 > estimates.len() && right * 10 >= told.len() * 7);
    // And it stays safe until nothing is left.
    for _ in 0..125 {
        let verdict = watch.second();
        assert!(verdict.is_safe(), "{verdict}");
    }
    assert_eq!(watch.left(), BTreeSet::new());
    assert!(watch.drain.verdict().to_string().contains("none is left"));
}

#[test]
fn templates_keep_a_persistent_service_receiving() {
    let mut watch = Watch::begin("web", "TCP 10.0.0.1:443", "10.1.1.2:443");
    let (mut came, mut timed) = (0, 0);
    for _ in 0..120 {
        match watch.second() {
            Verdict::Receiving { new, why, .. } => {
                let [Why::Templates { longest, .. }] = why[..] else { panic!("{why:?}") };
                assert!(longest.is_none_or(|longest| longest <= 300));
                (came, timed) = (came + new, timed + u32::from(longest.is_some()));
            }
            other => panic!("{other}"),
        }
    }
    assert!(came > 0 && timed > 20, "{came} clients came back, {timed} s with timers");
    let (before, after) = ("0".to_owned(), "1".to_owned());
    let name = "expire_quiescent_template".to_owned();
    watch.director.writer().apply(&Change::Sysctl { name, before, after }).unwrap();
    watch.until_safe(600);
    assert!(watch.left().is_subset(&BTreeSet::from(["TIME_WAIT".into(), "CLOSE".into()])));
}

#[test]
fn a_directly_routed_server_ends_late() {
    let mut watch = Watch::begin("dr-farm", "TCP 192.0.2.10:80", "10.10.1.3:80");
    let mut late = 0;
    for _ in 0..600 {
        let verdict = watch.second();
        if verdict.is_safe() {
            break;
        }
        let Verdict::Emptying { active, notes, .. } = verdict else { panic!("{verdict}") };
        let ends = notes.iter().any(|note| matches!(note, Note::Late { longest: 0..=120 }));
        assert_eq!(ends, *active == 0, "{verdict}");
        late += u32::from(ends);
    }
    assert!((100..=125).contains(&late), "{late}");
    assert_eq!(watch.left(), BTreeSet::new(), "not even TIME_WAIT");
}

#[test]
fn udp_empties_by_its_timer() {
    let mut watch = Watch::begin("dns-udp", DNS, "10.53.1.1:53");
    let seconds = watch.until_safe(1_200);
    assert!(seconds >= 300, "the timer of the last packet: {seconds}");
    assert_eq!(watch.left(), BTreeSet::new());
}
