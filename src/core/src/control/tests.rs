//! Two roles on one page.

use super::*;

#[test]
fn members_see_each_phase_once_and_the_leader_sees_what_they_stored() {
    let (page, descriptor) = Page::create().unwrap();
    let member = std::thread::spawn(move || {
        let page = Page::attach(&descriptor).unwrap();
        let mut member = Member::new(page, 1);
        let mut total = 0;
        loop {
            let phase = member.enter().unwrap();
            total += phase.count;
            member.page().set_ended_ns(1, total);
            member.leave().unwrap();
            if phase.kind == 9 {
                return total;
            }
        }
    });
    let mut leader = Leader::new(page, 2);
    for (kind, count, total) in [(1, 10, 10), (2, 5, 15), (9, 1, 16)] {
        leader.open(kind, count).unwrap();
        leader.close().unwrap();
        assert_eq!(leader.page().ended_ns(1), total);
    }
    assert_eq!(member.join().unwrap(), 16);
}
