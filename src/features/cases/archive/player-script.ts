/**
 * The script of the page of an archive. It runs in any browser from `file://`, so it is plain text here: no
 * module, no request. One clock drives all videos: that of the leading video, whose sound is heard.
 * In: the document in the page. Out: JavaScript for player-page.ts.
 */

/** JavaScript, without a back quote. */
export const playerScript = `
'use strict';
(function () {
  var texts = {
    en: { play: 'Play', pause: 'Pause', back: '−10 s', ahead: '+10 s', speed: 'Speed', player: 'Player',
      ranges: 'Ranges', notes: 'Notes and markers', check: 'Check the files',
      checkHow: 'SHA256SUMS has the SHA-256 of every file of this archive; media may carry the signed evidence of its recording. In this folder:',
      timeline: 'Time', listen: 'Listen', none: 'No notes.', nothing: 'No media at this time.',
      noMedia: 'Not in this archive', missing: 'missing', go: 'Go to', about: 'about',
      facts: 'Opened by {by} at {at}. Exported by {who} at {when} with oxbow {version}.' },
    zh: { play: '播放', pause: '暂停', back: '−10 秒', ahead: '+10 秒', speed: '速度', player: '播放器',
      ranges: '片段', notes: '备注和标记', check: '校验文件',
      checkHow: 'SHA256SUMS 包含此归档中每个文件的 SHA-256；媒体可能带有录像的签名证据。在此文件夹中运行：',
      timeline: '时间', listen: '收听', none: '没有备注。', nothing: '此时没有媒体。',
      noMedia: '不在此归档中', missing: '缺失', go: '转到', about: '关于',
      facts: '由 {by} 于 {at} 创建。由 {who} 于 {when} 使用 oxbow {version} 导出。' }
  };
  var language = /^zh/i.test(navigator.language) ? 'zh' : 'en';
  var t = texts[language];
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  var byId = function (id) { return document.getElementById(id); };
  var data = JSON.parse(byId('case').textContent);
  var isUtc = false;
  var rate = 1;
  var isPlaying = false;
  var lead = null;

  function add(parent, tag, text, look) {
    var element = document.createElement(tag);
    if (text) element.textContent = text;
    if (look) element.className = look;
    parent.append(element);
    return element;
  }
  function two(number) { return String(number).padStart(2, '0'); }
  function print(ms) {
    var at = new Date(ms);
    if (isUtc) return at.toISOString().replace('T', ' ').slice(0, 21) + ' UTC';
    return at.getFullYear() + '-' + two(at.getMonth() + 1) + '-' + two(at.getDate()) + ' ' + two(at.getHours()) + ':' +
      two(at.getMinutes()) + ':' + two(at.getSeconds()) + '.' + Math.floor(at.getMilliseconds() / 100);
  }

  var ranges = data.ranges.map(function (range, i) {
    var parts = (range.media ? range.media.parts : []).map(function (part) {
      return { at: part.at, fromMs: Date.parse(part.from), toMs: Date.parse(part.to) };
    });
    return { range: range, parts: parts, number: i + 1, name: range.title ? range.stream + ' · ' + range.title : range.stream,
      fromMs: Date.parse(range.from), toMs: Date.parse(range.to), shown: null };
  });
  /** The continuous part of a range at a time. */
  function partAt(entry, ms) {
    return entry.parts.find(function (part) { return ms >= part.fromMs && ms < part.toMs; });
  }

  /* One clock: stretches without any range are cut to a fixed share of the width. */
  var spans = [];
  ranges.map(function (entry) {
    var starts = entry.parts.map(function (part) { return part.fromMs; });
    var ends = entry.parts.map(function (part) { return part.toMs; });
    return [Math.min.apply(null, starts.concat(entry.fromMs)), Math.max.apply(null, ends.concat(entry.toMs))];
  }).sort(function (a, b) { return a[0] - b[0]; }).forEach(function (span) {
    var last = spans[spans.length - 1];
    if (last && span[0] <= last.toMs) last.toMs = Math.max(last.toMs, span[1]);
    else spans.push({ fromMs: span[0], toMs: span[1] });
  });
  var mediaMs = spans.reduce(function (sum, span) { return sum + span.toMs - span.fromMs; }, 0);
  var cutMs = mediaMs * 0.04;
  var width = 0;
  var pieces = [];
  spans.forEach(function (span, i) {
    if (i > 0) {
      var before = spans[i - 1].toMs;
      var length = Math.min(cutMs, span.fromMs - before);
      pieces.push({ fromMs: before, toMs: span.fromMs, x: width, width: length, isCut: true });
      width += length;
    }
    pieces.push({ fromMs: span.fromMs, toMs: span.toMs, x: width, width: span.toMs - span.fromMs, isCut: false });
    width += span.toMs - span.fromMs;
  });
  width = width || 1;
  /** Percent of the width. */
  function xOf(ms) {
    var piece = pieces.find(function (each) { return ms <= each.toMs; }) || pieces[pieces.length - 1];
    if (!piece) return 0;
    var share = Math.min(1, Math.max(0, (ms - piece.fromMs) / (piece.toMs - piece.fromMs || 1)));
    return (100 * (piece.x + share * piece.width)) / width;
  }
  function timeAt(percent) {
    var x = (percent / 100) * width;
    var piece = pieces.find(function (each) { return x <= each.x + each.width; }) || pieces[pieces.length - 1];
    return piece ? piece.fromMs + ((x - piece.x) / (piece.width || 1)) * (piece.toMs - piece.fromMs) : 0;
  }
  var firstMs = spans.length ? spans[0].fromMs : 0;
  var lastMs = spans.length ? spans[spans.length - 1].toMs : 0;
  var nowMs = firstMs;

  /* The videos of a moment. */
  var stage = byId('stage');
  function show(entry) {
    var figure = document.createElement('figure');
    var video = add(figure, 'video');
    video.preload = 'auto';
    video.playsInline = true;
    video.src = entry.range.media.file.split('/').map(encodeURIComponent).join('/');
    var listen = add(figure, 'button', t.listen);
    listen.type = 'button';
    listen.setAttribute('aria-label', t.listen + ': ' + entry.name);
    listen.addEventListener('click', function () { lead = entry; tick(); });
    add(figure, 'figcaption', entry.name);
    figure.dataset.range = entry.range.id;
    stage.append(figure);
    entry.shown = { figure: figure, video: video, listen: listen };
  }
  function hide(entry) {
    if (!entry.shown) return;
    entry.shown.video.pause();
    entry.shown.video.removeAttribute('src');
    entry.shown.video.load();
    entry.shown.figure.remove();
    entry.shown = null;
  }
  var active = [];
  function align(entry, force) {
    var part = partAt(entry, nowMs);
    var video = entry.shown.video;
    var wanted = part.at + (nowMs - part.fromMs) / 1000;
    var far = Math.abs(video.currentTime - wanted);
    if (video.readyState === 0 || video.seeking) return;
    if (force ? far > 0.02 : far > 0.35 * Math.max(1, rate)) video.currentTime = wanted;
  }
  function choose(force) {
    var next = ranges.filter(function (entry) { return partAt(entry, nowMs); }).slice(0, 9);
    ranges.forEach(function (entry) { if (next.indexOf(entry) < 0) hide(entry); });
    next.forEach(function (entry) { if (!entry.shown) show(entry); });
    active = next;
    if (!lead || active.indexOf(lead) < 0) lead = active[0] || null;
    byId('empty').hidden = active.length > 0;
    active.forEach(function (entry) {
      var video = entry.shown.video;
      video.muted = entry !== lead;
      video.playbackRate = rate;
      entry.shown.listen.hidden = active.length < 2 || entry === lead;
      if (entry !== lead || force) align(entry, force);
      if (isPlaying && video.paused) {
        var started = video.play();
        if (started) started.catch(function () {});
      }
      if (!isPlaying && !video.paused) video.pause();
    });
  }
  var beforeMs = performance.now();
  function tick() {
    var at = performance.now();
    var passedMs = at - beforeMs;
    beforeMs = at;
    if (isPlaying && lead && lead.shown) {
      var video = lead.shown.video;
      var part = partAt(lead, nowMs);
      if (part && video.readyState >= 2 && !video.seeking) {
        var shownMs = part.fromMs + (video.currentTime - part.at) * 1000;
        if (Math.abs(shownMs - nowMs) < 2000 * Math.max(1, rate)) nowMs = Math.max(shownMs, nowMs);
        else align(lead, true);
        if (video.ended) nowMs = part.toMs;
      }
    } else if (isPlaying) {
      nowMs += passedMs * rate;
      var starts = [];
      ranges.forEach(function (entry) { entry.parts.forEach(function (each) { starts.push(each.fromMs); }); });
      starts = starts.filter(function (ms) { return ms >= nowMs; });
      if (starts.length === 0) { nowMs = lastMs; setPlaying(false); } else nowMs = Math.min.apply(null, starts);
      choose(true);
    }
    choose(false);
    draw();
  }
  function seek(ms) {
    nowMs = Math.min(lastMs, Math.max(firstMs, ms));
    choose(true);
    active.forEach(function (entry) {
      entry.shown.video.addEventListener('loadedmetadata', function () { if (entry.shown) align(entry, true); }, { once: true });
    });
    draw();
  }
  function setPlaying(value) {
    if (value && nowMs >= lastMs) seek(firstMs);
    isPlaying = value;
    byId('play').textContent = value ? t.pause : t.play;
    choose(false);
  }

  /* The timeline. */
  var line = byId('timeline');
  pieces.forEach(function (piece) {
    if (!piece.isCut) return;
    var cut = add(line, 'div', '', 'cut');
    cut.style.left = (100 * piece.x) / width + '%';
    cut.style.width = (100 * piece.width) / width + '%';
  });
  function place(element, fromMs, toMs) {
    element.style.left = xOf(fromMs) + '%';
    element.style.width = Math.max(0, xOf(toMs) - xOf(fromMs)) + '%';
  }
  ranges.forEach(function (entry) {
    var lane = add(line, 'div', '', 'lane');
    var from = entry.parts.length ? entry.parts[0].fromMs : entry.fromMs;
    var to = entry.parts.length ? entry.parts[entry.parts.length - 1].toMs : entry.toMs;
    place(add(lane, 'div', '', entry.range.media ? 'bar' : 'bar none'), from, to);
    (entry.range.media ? entry.range.media.gaps : []).forEach(function (gap) {
      place(add(lane, 'div', '', 'gap'), Date.parse(gap.from), Date.parse(gap.to));
    });
    add(lane, 'div', entry.number + ' ' + entry.name, 'name');
  });
  var marks = [];
  data.notes.forEach(function (note) { if (note.at) marks.push({ ms: Date.parse(note.at), text: note.text, note: note }); });
  data.ranges.forEach(function (range) {
    range.markers.forEach(function (mark) {
      marks.push({ ms: Date.parse(mark.at), text: range.stream + ': ' + mark.text, note: null });
    });
  });
  marks.sort(function (a, b) { return a.ms - b.ms; });
  marks.forEach(function (mark) {
    var tick = add(line, 'div', '', 'tick');
    tick.style.left = xOf(mark.ms) + '%';
    tick.title = mark.text;
  });
  var cursor = add(line, 'div');
  cursor.id = 'cursor';
  line.setAttribute('aria-label', t.timeline);
  line.setAttribute('aria-valuemax', '1000');
  function draw() {
    var x = xOf(nowMs);
    cursor.style.left = x + '%';
    line.setAttribute('aria-valuenow', String(Math.round(10 * x)));
    line.setAttribute('aria-valuetext', print(nowMs));
    byId('clock').textContent = print(nowMs);
  }
  function point(event) {
    var box = line.getBoundingClientRect();
    seek(timeAt(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width))));
  }
  var isDragging = false;
  line.addEventListener('pointerdown', function (event) { isDragging = true; line.setPointerCapture(event.pointerId); point(event); });
  line.addEventListener('pointermove', function (event) { if (isDragging) point(event); });
  ['pointerup', 'pointercancel'].forEach(function (type) { line.addEventListener(type, function () { isDragging = false; }); });
  document.addEventListener('keydown', function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|BUTTON|A|SUMMARY)$/.test(event.target.tagName)) return;
    var steps = { ArrowLeft: -5000, ArrowRight: 5000, PageUp: -60000, PageDown: 60000 };
    if (event.key === ' ') setPlaying(!isPlaying);
    else if (event.key === 'Home') seek(firstMs);
    else if (event.key === 'End') seek(lastMs);
    else if (steps[event.key]) seek(nowMs + steps[event.key]);
    else return;
    event.preventDefault();
  });
  byId('play').addEventListener('click', function () { setPlaying(!isPlaying); });
  byId('back').addEventListener('click', function () { seek(nowMs - 10000); });
  byId('ahead').addEventListener('click', function () { seek(nowMs + 10000); });
  byId('speed').addEventListener('change', function (event) { rate = Number(event.target.value); choose(false); });
  byId('utc').addEventListener('change', function (event) { isUtc = event.target.checked; write(); draw(); });

  /* Lists. Times are printed again when the zone changes. */
  function jump(parent, ms) {
    var button = add(parent, 'button', print(ms));
    button.type = 'button';
    button.setAttribute('aria-label', t.go + ' ' + print(ms));
    button.addEventListener('click', function () { seek(ms); byId('player').scrollIntoView({ block: 'nearest' }); });
  }
  function write() {
    byId('facts').textContent = t.facts.replace('{by}', data.createdBy).replace('{at}', print(Date.parse(data.createdAt)))
      .replace('{who}', data.exportedBy).replace('{when}', print(Date.parse(data.exportedAt))).replace('{version}', data.oxbow);
    var list = byId('ranges');
    list.textContent = '';
    ranges.forEach(function (entry) {
      var item = add(list, 'li');
      jump(item, entry.parts.length ? Math.max(entry.parts[0].fromMs, entry.fromMs) : entry.fromMs);
      add(item, 'strong', entry.number + ' ' + entry.name);
      add(item, 'p', print(entry.fromMs) + ' – ' + print(entry.toMs), 'quiet');
      var media = entry.range.media;
      if (!media) { add(item, 'p', t.noMedia + ': ' + entry.range.problem.detail, 'problem'); return; }
      var files = add(item, 'p', '', 'quiet');
      var link = add(files, 'a', media.file);
      link.href = media.file.split('/').map(encodeURIComponent).join('/');
      add(files, 'br');
      add(files, 'code', 'SHA-256 ' + media.sha256);
      media.gaps.forEach(function (gap) {
        var text = print(Date.parse(gap.from)) + ' – ' + print(Date.parse(gap.to)) + ' ' + t.missing + ' (' + gap.cause + ')';
        add(item, 'p', gap.detail ? text + ': ' + gap.detail : text, 'problem');
      });
    });
    var notes = byId('notes');
    notes.textContent = '';
    marks.forEach(function (mark) {
      var item = add(notes, 'li');
      jump(item, mark.ms);
      add(item, 'span', mark.text);
      if (mark.note) add(item, 'p', mark.note.author, 'quiet');
    });
    data.notes.forEach(function (note) {
      if (note.at) return;
      var item = add(notes, 'li');
      add(item, 'span', note.text);
      var about = ranges.find(function (entry) { return entry.range.id === note.range; });
      add(item, 'p', note.author + ', ' + print(Date.parse(note.createdAt)) + (about ? ', ' + t.about + ' ' + about.number + ' ' + about.name : ''), 'quiet');
    });
    if (data.notes.length + marks.length === 0) add(notes, 'li', t.none, 'quiet');
  }
  var labels = { play: 'play', back: 'back', ahead: 'ahead', 'speed-label': 'speed', empty: 'nothing', 'player-title': 'player',
    'ranges-title': 'ranges', 'notes-title': 'notes', 'check-title': 'check', check: 'checkHow' };
  Object.keys(labels).forEach(function (id) { byId(id).textContent = t[labels[id]]; });
  write();
  seek(firstMs);
  setInterval(tick, 100);
  /* For tests and for programs that drive the page. */
  window.oxbowCase = { get nowMs() { return nowMs; }, seek: seek, play: function () { setPlaying(true); }, pause: function () { setPlaying(false); } };
})();
`;
