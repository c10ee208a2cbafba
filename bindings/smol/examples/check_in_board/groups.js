// The groups of a supervisor and who is in them: as they were loaded, and what has happened since.
// It does not know how they are shown, nor where events come from.

const changes = {
  student_checkin: (group, { student_id, student_name }) => group.visits.set(student_id, student_name),
  student_checkout: (group, { student_id }) => group.visits.delete(student_id),
  activity_start: (group) => (group.is_active = true),
  activity_end: (group) => {
    group.is_active = false;
    group.visits.clear();
  },
};

export const types = Object.keys(changes);

export class Groups {
  #groups = new Map();
  #load;
  #changed;

  /** `load` asks for a group, `changed` is told of one. */
  constructor(load, changed) {
    this.#load = load;
    this.#changed = changed;
  }

  /** All that are known by now, by their ids. */
  get all() {
    return [...this.#groups.values()].filter((group) => group.visits).sort((a, b) => a.id.localeCompare(b.id));
  }

  /** These, and no others, each loaded anew. */
  show(ids) {
    for (const id of this.#groups.keys()) if (!ids.includes(id)) this.#forget(id);
    return Promise.all(ids.map((id) => this.#reload(id)));
  }

  /** All of them, anew: something was missed. */
  reload() {
    return this.show([...this.#groups.keys()]);
  }

  /** Something has happened in one of them. Once or twice is the same. */
  happened({ type, active_group_id: id, data }) {
    const group = this.#groups.get(id);
    // What is being loaded may be older than this: it is done again then.
    group?.meanwhile?.push({ type, data });
    if (!group?.visits) return;
    changes[type](group, data);
    this.#changed(group);
  }

  async #reload(id) {
    const group = this.#groups.get(id) ?? { id };
    this.#groups.set(id, group);
    const meanwhile = (group.meanwhile = []);
    let loaded;
    try {
      loaded = await this.#load(id);
    } catch (error) {
      // Only what is not theirs is gone; what cannot be had now is loaded when the stream is back.
      if (error.status === 403 && group.meanwhile === meanwhile) this.#forget(id);
      return;
    }
    // Another time has begun since.
    if (group.meanwhile !== meanwhile) return;
    const { activity_name, room, is_active, visits } = loaded;
    const there = new Map(visits.map(({ student_id, student_name }) => [student_id, student_name]));
    Object.assign(group, { activity_name, room, is_active, visits: there, meanwhile: null });
    for (const { type, data } of meanwhile) changes[type](group, data);
    this.#changed(group);
  }

  #forget(id) {
    const group = this.#groups.get(id);
    this.#groups.delete(id);
    if (group) Object.assign(group, { meanwhile: null, visits: null });
    this.#changed(group);
  }
}
