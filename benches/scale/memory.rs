//! Bytes alive, by what they are for.

use std::time::Duration;

use sip_proto::context::Reply;
use sip_proto::message::Message;
use sip_proto::{Config, DialogEvent, DialogId, Event, Output};

use super::calls::{ANSWER, Scene, answer, datagram, drain, within};
use super::heap;

/// Both descriptions of a dialog: one buffer, behind two counts and a length.
fn sdp(invite: &Message) -> usize {
    let counts = 2 * size_of::<usize>() + size_of::<u32>();
    (counts + invite.body().len() + ANSWER.len()).next_multiple_of(align_of::<usize>())
}

/// Bytes of a dialog: text, structures, tables, descriptions.
struct Dialog {
    text: usize,
    structs: f64,
    tables: f64,
    sdp: usize,
}

impl Dialog {
    fn total(&self) -> f64 {
        self.text as f64 + self.structs + self.tables
    }
}

fn scene(step: Duration) -> Scene {
    heap::count();
    Scene::new(Config::new("sip:bob@192.0.2.4").expect("an identity"), step)
}

fn measure(count: usize) -> Dialog {
    let mut scene = scene(Duration::from_millis(1));
    let sample = scene.invite();
    let sdp = sdp(&Message::parse(sample).expect("an INVITE"));
    let before = heap::live();
    let mut last = None;
    for _ in 0..count {
        last = Some(stay(&mut scene));
    }
    scene.wait(Duration::from_secs(60));
    assert_eq!(scene.sip.counts(), [0, 0, count]);
    let (small, tables) = (heap::live().0 - before.0, heap::live().1 - before.1);
    let text = last.map_or(0, |id| text(&mut scene, id));
    let per = |bytes: usize| bytes as f64 / count as f64;
    Dialog { text, structs: per(small) - (text + sdp) as f64, tables: per(tables), sdp }
}

/// A call that stays up; its dialog.
fn stay(scene: &mut Scene) -> DialogId {
    scene.wait(scene.step);
    let invite = scene.invite();
    let ok = answer(&mut scene.sip, scene.now, invite);
    let ack = within(&ok, "ACK", ok.cseq());
    drop(ok);
    scene.sip.handle_input(scene.now, datagram(ack));
    let mut id = None;
    while let Some(output) = scene.sip.poll_output() {
        if let Output::Event(Event::Dialog { dialog, event: DialogEvent::Confirmed { .. } }) = output {
            id = Some(dialog);
        }
    }
    id.expect("a dialog")
}

/// What a dialog keeps of what was said.
fn text(scene: &mut Scene, id: DialogId) -> usize {
    let dialog = scene.sip.dialog(id).expect("it is up");
    let machine = dialog.get().expect("it is up");
    let sip = machine.sip();
    let ids = [sip.call_id, sip.local_tag, sip.remote_tag].map(str::len).iter().sum::<usize>();
    let sides = [machine.local(), machine.remote()].map(|side| side.uri.len() + side.contact.len());
    let routes: Vec<_> = machine.route_set().collect();
    ids + sides.iter().sum::<usize>() + routes.join(", ").len()
}

/// The row of so many dialogs.
pub(crate) fn dialogs(count: usize) {
    let dialog = measure(count);
    println!(
        "{count:>9}  {:>6.0} B = text {} + structures {:.0} + tables {:.0}; descriptions {} more",
        dialog.total(),
        dialog.text,
        dialog.structs,
        dialog.tables,
        dialog.sdp
    );
}

/// The row of so many transactions, in each of three states.
pub(crate) fn transactions(count: usize) {
    let per = |bytes: usize| bytes as f64 / count as f64;
    let total = || heap::live().0 + heap::live().1;
    // A scene is freed before the next one begins.
    let dialog = measure(count);
    let dialog = dialog.total() + dialog.sdp as f64;

    let mut scene = scene(Duration::from_micros(1));
    let before = total();
    let mut length = 0;
    for _ in 0..count {
        scene.now = scene.now + scene.step;
        let invite = scene.invite();
        length = answer(&mut scene.sip, scene.now, invite).as_bytes().len();
    }
    // What was sent last is let go of with the next input.
    scene.sip.handle_input(scene.now, datagram(bytes::Bytes::from_static(b"\r\n\r\n")));
    drain(&mut scene.sip);
    let accepted = per(total() - before) - dialog;
    drop(scene);

    let mut scene = self::scene(Duration::from_micros(1));
    let before = total();
    for _ in 0..count {
        let now = scene.now + scene.step;
        scene.now = now;
        let invite = scene.invite();
        let ok = answer(&mut scene.sip, now, invite);
        let ack = within(&ok, "ACK", ok.cseq());
        drop(ok);
        scene.sip.handle_input(now, datagram(ack));
        drain(&mut scene.sip);
    }
    assert_eq!(scene.sip.counts(), [count, 0, count]);
    let acknowledged = per(total() - before) - dialog;
    drop(scene);

    let mut scene = self::scene(Duration::from_micros(1));
    let before = total();
    for _ in 0..count {
        scene.now = scene.now + scene.step;
        let invite = scene.invite();
        scene.sip.handle_input(scene.now, datagram(invite));
        while let Some(output) = scene.sip.poll_output() {
            if let Output::Event(Event::Incoming { server, .. }) = output {
                let mut server = scene.sip.server(server).expect("it waits");
                server.reject(scene.now, Reply::code(486)).expect("486");
            }
        }
    }
    scene.sip.handle_input(scene.now, datagram(bytes::Bytes::from_static(b"\r\n\r\n")));
    drain(&mut scene.sip);
    assert_eq!(scene.sip.counts(), [count, 0, 0]);
    let completed = per(total() - before);
    println!(
        "{count:>9}  after the ACK {acknowledged:>5.0} B; with its 486 {completed:>5.0} B; \
         before the ACK {accepted:>5.0} B = response {length} + {:.0}",
        accepted - length as f64
    );
}
