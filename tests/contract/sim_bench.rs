//! The embedded director as a bench: empty, on a clock that only the cases move.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipvs_tui::ipvs::ServiceKey;
use ipvs_tui::kernel::sim::{
    Burst, Clock, Director, Flow, Scenario, Segment, SimReader, SimWriter, Verdict,
};
use ipvs_tui::kernel::{Reader, Writer};

use crate::bench::{Bench, Outcome, client, owned};

pub(crate) fn run(case: impl FnOnce(&mut dyn Bench)) {
    let director = Director::open(Scenario::Empty, 1, Clock::Manual);
    let (reader, writer) = (director.reader(), director.writer());
    case(&mut SimBench { director, reader, writer, kept: BTreeMap::new(), port: 40_000 });
}

struct SimBench {
    director: Director,
    reader: SimReader,
    writer: SimWriter,
    kept: BTreeMap<(u16, ServiceKey), SocketAddr>,
    port: u16,
}

impl Bench for SimBench {
    fn reader(&mut self) -> &mut dyn Reader {
        &mut self.reader
    }

    fn writer(&mut self) -> &mut dyn Writer {
        &mut self.writer
    }

    fn director(&mut self) -> ipvs_tui::worker::Director {
        owned(self.director.reader(), self.director.writer())
    }

    fn judge(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn connect(&mut self, number: u16, service: &ServiceKey) -> Outcome {
        self.port += 1;
        let from = SocketAddr::new(client(number).into(), self.port);
        match self.director.connect(from, service) {
            Verdict::Forwarded(server) => {
                self.kept.insert((number, *service), from);
                match server.addr {
                    std::net::IpAddr::V4(addr) => Outcome::Served(addr.octets()[3]),
                    std::net::IpAddr::V6(addr) => panic!("{addr} is no server of the bench"),
                }
            }
            Verdict::Refused => Outcome::Refused,
            other => panic!("client {number} met {other:?}"),
        }
    }

    fn talk(&mut self, number: u16, service: &ServiceKey) -> bool {
        let flow = Flow::to(self.kept[&(number, *service)], service);
        let burst = Burst { segment: Segment::Data, packets: 1, bytes: 100 };
        match self.director.send(&flow, burst) {
            Verdict::Forwarded(_) => {
                self.director.reply(&flow, burst);
                true
            }
            _ => false,
        }
    }

    fn wait(&mut self, time: Duration) {
        self.director.advance(time);
    }

    fn interface(&self) -> &'static str {
        "eth1"
    }

    fn knows(&self, _: &str) -> bool {
        true
    }
}
