//! What others have changed, as the console tells it: a mark on the row, a line in the journal, a
//! notice while nothing else is said.

use std::sync::Arc;

use super::{Model, Tone};
use crate::command::Command;
use crate::ipvs::{ServerKey, ServiceKey, counted};
use crate::kernel::KernelError;
use crate::kernel::proc::modules::Schedulers;
use crate::kernel::proc::owners::Owner;
use crate::outside::{Flap, Theirs};

/// More changes at once are counted and not told one by one.
const FEW: usize = 2;

impl Model {
    /// Takes in changes that the last snapshot shows and this console did not make.
    pub(super) fn take_theirs(&mut self, theirs: &Arc<Vec<Theirs>>) {
        let overridden = theirs.iter().find(|one| self.overrides(one)).cloned();
        let mut flaps = Vec::new();
        for one in theirs.iter() {
            if let Some(flap) = self.outside.take(one.clone()) {
                flaps.push(format!("{}: its weight {flap}", one.change.subject()));
            }
        }
        self.follow_log();
        if let [first, more @ ..] = flaps.as_slice() {
            let more =
                if more.is_empty() { String::new() } else { format!(" ({} more)", more.len()) };
            self.say(Tone::Warning, format!("{first}{more}"));
        } else if let Some(one) = overridden {
            let text = format!("{one}, {}: this program had set it to 0", from(&one));
            self.say(Tone::Warning, text);
        } else if self.notice.as_ref().is_none_or(|said| said.tone < Tone::Warning) {
            self.tell_theirs(theirs);
        }
        // A filter for what was changed lets it through now.
        if self.rows.filter().is_some() && self.frozen.is_none() && self.prompt.is_none() {
            self.arrange();
        }
    }

    /// The programs that also write the table, the schedulers that the kernel has, and its release.
    pub(super) fn take_machine(
        &mut self,
        owners: Result<Vec<Owner>, KernelError>,
        schedulers: Option<Schedulers>,
        kernel: Option<String>,
    ) {
        (self.schedulers, self.kernel) = (schedulers, kernel);
        let (owners, looked) = match owners {
            Ok(owners) => (owners, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        (self.owners, self.looked_for_owners) = (owners, Some(looked));
    }

    fn tell_theirs(&mut self, theirs: &[Theirs]) {
        let text = match theirs {
            [] => return,
            few if few.len() <= FEW => {
                let told: Vec<String> =
                    few.iter().map(|one| format!("{one}, {}", from(one))).collect();
                told.join("; ")
            }
            many => {
                let key = self.keys.say(Command::ViewJournal);
                let what = counted(many.len() as u64, "change");
                format!("{what} that this console did not make; {key} shows them")
            }
        };
        self.say(Tone::Outside, text);
    }

    /// Whether it gives a weight to a server that this program has quiesced.
    fn overrides(&self, theirs: &Theirs) -> bool {
        let Some((Some(0), Some(weight))) = theirs.weights() else { return false };
        let Some((service, Some(server))) = theirs.row() else { return false };
        weight > 0 && theirs.is_outside() && self.before_quiesce(&service, &server).is_some()
    }

    /// The last change of a row that this console did not make, while it is marked for it.
    pub fn changed(&self, service: &ServiceKey, server: Option<&ServerKey>) -> Option<&Theirs> {
        self.outside.on(service, server, self.shown()?.at)
    }

    /// How the weight of a server flaps.
    pub fn flaps(&self, service: &ServiceKey, server: &ServerKey) -> Option<Flap> {
        self.outside.flap(service, server, self.shown()?.at)
    }
}

/// `from outside`, `by alice, vb2k0`.
pub fn from(theirs: &Theirs) -> String {
    match &theirs.by {
        Some(by) => format!("by {by}"),
        None => "from outside".to_owned(),
    }
}
