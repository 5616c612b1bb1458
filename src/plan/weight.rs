//! Weights as an operator types them.

use std::str::FromStr;

use crate::ipvs::{MAX_WEIGHT, Server, ServerKey, ServiceKey, counted};
use crate::snapshot::{ServiceEntry, Snapshot};

/// A new weight, by itself or relative to what there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightEdit {
    /// `12`
    To(u32),
    /// `+5`, `-3`
    By(i64),
    /// `50%` of the present weight, rounded, and at least 1 unless it is `0%` or the weight is 0.
    Percent(f64),
    /// `share 25%`: the weight that gives each server so much of the weight of its service.
    Share(f64),
}

/// Why a text is no weight, or the weight cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    /// Not one of the four forms.
    #[error("'{0}' is not a weight: write 12, a step as +5 or -3, 50% of what it is, or share 25%")]
    Form(String),
    /// Outside what the kernel takes.
    #[error("a weight is 0 to {MAX_WEIGHT}, and this would be {0}")]
    Range(String),
    /// A share was asked for without its service.
    #[error("a share is one of a service: it needs the service's other weights")]
    NoService,
    /// The service is gone.
    #[error("service {0} is gone")]
    Gone(ServiceKey),
    /// Weights decide nothing, or all.
    #[error("{scheduler} of {service} does not share by weight: {why}")]
    Unshared {
        /// The service.
        service: ServiceKey,
        /// Its scheduler.
        scheduler: String,
        /// What it does instead.
        why: &'static str,
    },
    /// A share of nothing.
    #[error("no other server of {0} has a weight above 0: nothing is left to share")]
    Alone(ServiceKey),
    /// The shares leave nothing for the others.
    #[error("{asked} of {service} with {share}% each leave nothing for its other servers")]
    TooMuch {
        /// The service.
        service: ServiceKey,
        /// For how many servers of it.
        asked: String,
        /// The share that each was to have, in percent.
        share: String,
    },
    /// One of several.
    #[error("{0}: {1}")]
    Of(ServerKey, Box<WeightError>),
}

/// What becomes of an edit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Each server as it is, with the weight it shall have.
    pub changes: Vec<(ServiceKey, Server, u32)>,
    /// What comes out otherwise than was asked, as sentences.
    pub notes: Vec<String>,
}

impl WeightEdit {
    /// The weight that comes of it when the present one is `weight`.
    ///
    /// # Errors
    /// [`WeightError::Range`] above [`MAX_WEIGHT`], and for an absolute or relative weight
    /// below 0 when the present weight is 0 already; a step that would cross 0 stops there.
    /// [`WeightError::NoService`] for a share: see [`for_servers`](Self::for_servers).
    pub fn of(self, weight: u32) -> Result<u32, WeightError> {
        let wanted = match self {
            Self::To(to) => i64::from(to),
            Self::By(step) => i64::from(weight).saturating_add(step).max(0),
            Self::Percent(percent) => {
                let exact = (f64::from(weight) * percent / 100.0).round();
                if weight > 0 && percent > 0.0 { exact.max(1.0) as i64 } else { exact as i64 }
            }
            Self::Share(_) => return Err(WeightError::NoService),
        };
        in_range(wanted)
    }

    /// The weights that come of it for `targets`, each the server as the kernel is expected to
    /// hold it. A share is solved for each service, with the weights of `snapshot` for its other
    /// servers.
    ///
    /// # Errors
    /// As [`of`](Self::of), naming the server when there are several; and for a share why it
    /// cannot be had.
    pub fn for_servers(
        self,
        targets: &[(ServiceKey, Server)],
        snapshot: &Snapshot,
    ) -> Result<Wanted, WeightError> {
        let Self::Share(percent) = self else {
            let named = |server: &Server, why| match targets {
                [_] => why,
                _ => WeightError::Of(server.key, Box::new(why)),
            };
            let weight = |(service, server): &(ServiceKey, Server)| {
                let weight = self.of(server.weight).map_err(|why| named(server, why))?;
                Ok((*service, server.clone(), weight))
            };
            let changes = targets.iter().map(weight).collect::<Result<_, _>>()?;
            return Ok(Wanted { changes, notes: Vec::new() });
        };
        let mut services: Vec<ServiceKey> = targets.iter().map(|(service, _)| *service).collect();
        services.sort_unstable();
        services.dedup();
        let mut wanted = Wanted::default();
        for service in services {
            let entry = snapshot.service(&service).ok_or(WeightError::Gone(service))?;
            let mine = targets.iter().filter(|(key, _)| *key == service).map(|(_, s)| s);
            let mine: Vec<&Server> = mine.collect();
            let (weight, note) = share(percent, &mine, entry)?;
            let changes = mine.into_iter().map(|s| (service, s.clone(), weight));
            wanted.changes.extend(changes);
            wanted.notes.extend(note);
        }
        Ok(wanted)
    }
}

fn in_range(wanted: i64) -> Result<u32, WeightError> {
    let weight = u32::try_from(wanted).ok().filter(|w| *w <= MAX_WEIGHT);
    weight.ok_or_else(|| WeightError::Range(wanted.to_string()))
}

/// The weight `w` that gives each of `n` servers the share `p`: with `others` for the weight of
/// the rest, `w / (others + n w) = p`, so `w = p others / (1 - n p)`.
fn share(
    percent: f64,
    mine: &[&Server],
    entry: &ServiceEntry,
) -> Result<(u32, Option<String>), WeightError> {
    let service = entry.service.key;
    let scheduler = &entry.service.scheduler;
    let unshared = |why| WeightError::Unshared { service, scheduler: scheduler.to_string(), why };
    match (scheduler.as_str(), scheduler.known()) {
        ("fo", _) => return Err(unshared("the highest weight takes everything")),
        (_, Some(known)) if !known.weighs => {
            return Err(unshared("every server above 0 counts alike"));
        }
        _ => {}
    }
    if percent == 0.0 {
        return Ok((0, None));
    }
    let is_mine = |key: &ServerKey| mine.iter().any(|s| s.key == *key);
    let rest = entry.servers.iter().map(|s| &s.server).filter(|s| !is_mine(&s.key));
    let others: u64 = rest.map(|s| u64::from(s.weight)).sum();
    if others == 0 {
        return Err(WeightError::Alone(service));
    }
    let (p, n) = (percent / 100.0, mine.len() as f64);
    if n * p >= 1.0 {
        let asked = counted(mine.len() as u64, "server");
        return Err(WeightError::TooMuch { service, asked, share: percent.to_string() });
    }
    let others = others as f64;
    // A share that is next to everything would be a weight beyond any number.
    let weight = in_range((p * others / (1.0 - n * p)).round().max(1.0) as i64)?;
    let real = 100.0 * f64::from(weight) / (others + n * f64::from(weight));
    let off = (real - percent).abs() > percent / 10.0;
    let digits = if real < 10.0 { 1 } else { 0 };
    let note = off.then(|| {
        format!(
            "weight {weight} is {real:.digits$}% of {service}, not {percent}%: raise the others' \
             weights for finer shares"
        )
    });
    Ok((weight, note))
}

/// `25`, `12.5`: digits and a point.
fn percent(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|_| plain)
}

impl FromStr for WeightEdit {
    type Err = WeightError;

    fn from_str(text: &str) -> Result<Self, WeightError> {
        let text = text.trim();
        let form = || WeightError::Form(text.escape_debug().to_string());
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if let Some(share) = text.strip_prefix("share ") {
            let share = share.trim();
            let share = share.strip_suffix('%').unwrap_or(share).trim_end();
            return percent(share).map(Self::Share).ok_or_else(form);
        }
        if let Some(part) = text.strip_suffix('%') {
            return percent(part.trim()).map(Self::Percent).ok_or_else(form);
        }
        let (sign, number) = match text.as_bytes().first() {
            Some(b'+') => (1, text.get(1..).unwrap_or_default()),
            Some(b'-') => (-1, text.get(1..).unwrap_or_default()),
            _ => (0, text),
        };
        if !digits(number) {
            return Err(form());
        }
        let range = || WeightError::Range(text.to_owned());
        let value: i64 = number.parse().map_err(|_| range())?;
        match sign {
            0 => u32::try_from(value).map(Self::To).map_err(|_| range()),
            sign => Ok(Self::By(sign * value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::danger::tests::director;
    use super::*;

    fn of(text: &str, weight: u32) -> Result<u32, WeightError> {
        text.parse::<WeightEdit>()?.of(weight)
    }

    #[test]
    fn the_three_forms_of_one_server() {
        assert_eq!(of("12", 10), Ok(12));
        assert_eq!(of("+5", 10), Ok(15));
        assert_eq!(of(" -3 ", 10), Ok(7));
        assert_eq!(of("50%", 10), Ok(5));
        assert_eq!(of("0%", 10), Ok(0));
        assert_eq!(of("12.5%", 80), Ok(10));
    }

    #[test]
    fn a_step_stops_at_zero_and_a_share_never_quiesces_by_rounding() {
        assert_eq!(of("-30", 10), Ok(0));
        assert_eq!(of("1%", 10), Ok(1));
    }

    #[test]
    fn nonsense_is_told() {
        let shares = ["share", "share %", "share -5", "share 5 5", "share x", "share 1e2"];
        for text in shares {
            assert!(matches!(of(text, 10), Err(WeightError::Form(_))), "{text:?}");
        }
        for text in ["", "+", "ten", "5 5", "--3", "-5%", "1e9%", "NaN%", "0x10", "%", "\u{1b}[2J"]
        {
            assert!(matches!(of(text, 10), Err(WeightError::Form(_))), "{text:?}");
        }
        for text in ["2147483648", "99999999999999999999", "+2147483647"] {
            assert!(matches!(of(text, 10), Err(WeightError::Range(_))), "{text:?}");
        }
        assert_eq!(of("2147483647", 10), Ok(MAX_WEIGHT));
    }

    /// `share` for the servers with these places in a service of these weights.
    fn shared(
        text: &str,
        (scheduler, weights): (&str, &[u32]),
        of: &[usize],
    ) -> Result<(Vec<u32>, Vec<String>), String> {
        let snapshot = director(scheduler, weights);
        let entry = &snapshot.services[0];
        let target = |n: &usize| (entry.service.key, entry.servers[*n].server.clone());
        let targets: Vec<_> = of.iter().map(target).collect();
        let edit: WeightEdit = text.parse().unwrap();
        let wanted = edit.for_servers(&targets, &snapshot).map_err(|e| e.to_string())?;
        Ok((wanted.changes.iter().map(|(.., weight)| *weight).collect(), wanted.notes))
    }

    #[test]
    fn a_share_is_solved_for_its_service() {
        let wlc: (&str, &[u32]) = ("wlc", &[10, 30, 30, 0]);
        assert_eq!(shared("share 25%", wlc, &[0]), Ok((vec![20], vec![])));
        assert_eq!(shared("share 25", wlc, &[0]), Ok((vec![20], vec![])));
        assert_eq!(shared(" share 12.5% ", wlc, &[3]), Ok((vec![10], vec![])));
        assert_eq!(shared("share 40%", wlc, &[0, 1]), Ok((vec![60, 60], vec![])));
        assert_eq!(shared("share 0%", wlc, &[0]), Ok((vec![0], vec![])));
    }

    #[test]
    fn a_share_that_small_weights_cannot_give_is_told() {
        let (weights, notes) = shared("share 25%", ("wrr", &[1, 1, 1]), &[0]).unwrap();
        assert_eq!(weights, [1]);
        let wanted = "weight 1 is 33% of TCP 10.0.0.1:80, not 25%: raise the others' weights for \
                      finer shares";
        assert_eq!(notes, [wanted]);
        let (weights, notes) = shared("share 0.1%", ("wrr", &[1, 1, 1]), &[0]).unwrap();
        assert_eq!((weights, notes.len()), (vec![1], 1), "never quiesced by rounding");
    }

    #[test]
    fn a_share_that_cannot_be_had_is_told() {
        let told = |text, service, of: &[usize]| shared(text, service, of).unwrap_err();
        let why = told("share 50%", ("wlc", &[1, 1, 1]), &[0, 1]);
        let wanted =
            "2 servers of TCP 10.0.0.1:80 with 50% each leave nothing for its other servers";
        assert_eq!(why, wanted);
        assert!(told("share 100%", ("wlc", &[1, 1]), &[0]).contains("100%"));
        assert!(told("share 10%", ("wlc", &[1, 0]), &[0]).starts_with("no other server"));
        let why = told("share 10%", ("rr", &[1, 1]), &[0]);
        assert_eq!(
            why,
            "rr of TCP 10.0.0.1:80 does not share by weight: every server above 0 counts alike"
        );
        assert!(told("share 10%", ("fo", &[1, 1]), &[0]).contains("highest weight"));
        let why = told("share 99.99999%", ("wlc", &[1, 4_000]), &[0]);
        assert!(why.starts_with("a weight is 0 to 2147483647"), "{why}");
        assert_eq!("share 5".parse::<WeightEdit>().unwrap().of(3), Err(WeightError::NoService));
    }

    #[test]
    fn one_edit_for_several_names_the_server_it_fails_on() {
        let snapshot = director("wlc", &[1, MAX_WEIGHT]);
        let entry = &snapshot.services[0];
        let servers = entry.servers.iter();
        let targets: Vec<_> = servers.map(|s| (entry.service.key, s.server.clone())).collect();
        let why = WeightEdit::By(1).for_servers(&targets, &snapshot).unwrap_err().to_string();
        assert!(why.starts_with("10.1.1.2:80: a weight is 0 to"), "{why}");
        let wanted = WeightEdit::By(1).for_servers(&targets[..1], &snapshot).unwrap();
        assert_eq!(wanted.changes[0].2, 2);
    }

    proptest! {
        /// The weight given is the best whole one: no neighbour comes closer to the share.
        #[test]
        fn a_share_is_as_close_as_whole_weights_come(
            weights in prop::collection::vec(0..1_000_u32, 2..8),
            percent in 1..60_u32,
        ) {
            let Ok((given, _)) = shared(&format!("share {percent}"), ("wlc", &weights), &[0])
            else { return Ok(()) };
            let others: u32 = weights[1..].iter().sum();
            let off = |w: u32| {
                let real = f64::from(w) / f64::from(others + w) * 100.0;
                (real - f64::from(percent)).abs()
            };
            let weight = given[0];
            // Rounding is by weight, not by share: half a weight of tolerance.
            let near = off(weight) <= off(weight + 1).max(off(weight.max(2) - 1));
            prop_assert!(weight >= 1 && near, "{weight} of {weights:?} for {percent}%");
        }
    }
}
