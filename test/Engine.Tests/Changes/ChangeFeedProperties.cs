using System.Text;
using CsCheck;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Changes;

/// <summary>
/// Through any history of commits, transactions, crashes and collection a reader that goes on from where it stands gets every acknowledged version once and in
/// order, and nothing else; and one that goes back to any place where it stood gets the same again.
/// </summary>
public sealed class ChangeFeedProperties
{
    private enum StepKind
    {
        Write,
        BeginWrite,
        Delete,
        CommitAlone,
        Prepare,
        Resolve,
        Flush,
        Advance,
        Read,
        ReadAgain,
        Collect,
        Crash,
    }

    private static readonly Gen<(StepKind Kind, int Key, int Size)[]> Histories = Gen.Select(
        Gen.Frequency(
            (20, Gen.Const(StepKind.Write)),
            (20, Gen.Const(StepKind.BeginWrite)),
            (6, Gen.Const(StepKind.Delete)),
            (5, Gen.Const(StepKind.CommitAlone)),
            (8, Gen.Const(StepKind.Prepare)),
            (8, Gen.Const(StepKind.Resolve)),
            (8, Gen.Const(StepKind.Flush)),
            (10, Gen.Const(StepKind.Advance)),
            (20, Gen.Const(StepKind.Read)),
            (5, Gen.Const(StepKind.ReadAgain)),
            (5, Gen.Const(StepKind.Collect)),
            (3, Gen.Const(StepKind.Crash))),
        Gen.Int[0, 9],
        Gen.Int[0, 9],
        (kind, key, size) => (kind, key, size)).Array[1, 120];

    [Fact]
    public void Every_acknowledged_version_comes_once_and_in_order() => Histories.Sample(steps => new Run().Carry(steps), iter: 400);

    private sealed class Run
    {
        private readonly List<(string Keys, Task<WriteResult> Task)> _writes = [];
        private readonly List<(Timestamp Version, string Key, TransactionId Writer)> _committed = [];
        private readonly List<(TransactionId Id, Timestamp Prepared, string Keys)> _prepared = [];
        private readonly List<(Timestamp After, int Read)> _places = [];
        private readonly List<(Timestamp Version, string Key, TransactionId Writer)> _read = [];
        private readonly List<(Timestamp After, Timestamp UpTo)> _missed = [];
        private RangeRig _rig = RangeRig.New();
        private Timestamp _after;
        private ulong _nonce;

        public void Carry((StepKind Kind, int Key, int Size)[] steps)
        {
            foreach (var (kind, key, size) in steps)
                Step(kind, key, size);
            while (_prepared.Count > 0)
                Resolve(0, commit: false, default);
            _rig.Flush();
            for (var now = _rig.Clock.Now(); _after < now;)
                Read(maxChanges: 3);
            var acknowledged = _writes
                .Where(write => write.Task.IsCompletedSuccessfully && write.Task.Result.Failure is null)
                .SelectMany(write => write.Keys.Select(key => (write.Task.Result.Version, Key: key.ToString(), Writer: TransactionId.None)))
                .Concat(_committed)
                .Where(version => !_missed.Exists(missed => version.Version > missed.After && version.Version <= missed.UpTo));
            Assert.Equal(acknowledged.OrderBy(version => version.Version).ThenBy(version => version.Key, StringComparer.Ordinal), _read);
        }

        private void Step(StepKind kind, int key, int size)
        {
            switch (kind)
            {
                case StepKind.Write or StepKind.BeginWrite:
                    var keys = KeysOf(key, size);
                    _writes.Add((keys, _rig.Begin(PutsOf(keys, size))));
                    if (kind == StepKind.Write)
                        _rig.Flush();
                    break;
                case StepKind.Delete:
                    // One that finds nothing is acknowledged and leaves no version.
                    var name = ((char)('a' + key)).ToString();
                    _rig.Flush();
                    if (!_prepared.Exists(transaction => transaction.Keys.Contains(name, StringComparison.Ordinal)) && _rig.Read(name) is not null)
                        _writes.Add((name, _rig.Begin(RangeRig.Delete(name))));
                    break;
                case StepKind.CommitAlone:
                    CommitAlone(KeysOf(key, size), size);
                    break;
                case StepKind.Prepare:
                    Prepare(KeysOf(key, size), size);
                    break;
                case StepKind.Resolve when _prepared.Count > 0:
                    Resolve(key % _prepared.Count, commit: size > 2, TimeSpan.FromMilliseconds(size * 10));
                    break;
                case StepKind.Flush:
                    _rig.Flush();
                    break;
                case StepKind.Advance:
                    _rig.Time.Advance(TimeSpan.FromMilliseconds(size * 10));
                    break;
                case StepKind.Read:
                    Read(1 + size);
                    break;
                case StepKind.ReadAgain:
                    ReadAgain(key);
                    break;
                case StepKind.Collect:
                    Collect(size);
                    break;
                case StepKind.Crash:
                    // The only replica's clock begins again above its log: what was told beyond that is covered by the time that a start takes.
                    _rig.Time.Advance(_rig.Clock.MaxOffset);
                    _rig = _rig.Restart(_rig.Disk.AfterProcessKill());
                    break;
            }
        }

        private static string KeysOf(int key, int size) => new([.. Enumerable.Range(key, 1 + (size % 3)).Select(index => (char)('a' + index))]);

        private static KeyWrite[] PutsOf(string keys, int size) => [.. keys.Select(name => RangeRig.Put(name.ToString(), new string('v', size)))];

        private TransactionWork WorkOf(string keys, int size)
        {
            var began = _rig.Clock.Now();
            return new()
            {
                Transaction = new(began, ++_nonce),
                ReadTimestamp = began,
                Deadline = began.Add(TimeSpan.FromSeconds(60)),
                Generation = 1,
                Writes = PutsOf(keys, size),
            };
        }

        /// <summary>A transaction of this range alone; one that meets another's intent is refused.</summary>
        private void CommitAlone(string keys, int size)
        {
            if (keys.Any(key => _prepared.Exists(transaction => transaction.Keys.Contains(key, StringComparison.Ordinal))))
                return; // it would wait
            var work = WorkOf(keys, size);
            var committing = _rig.Leader.CommitAsync(RangeCommit.Alone(work)).AsTask();
            _rig.Flush();
            if (committing.Answered() is { Failure: null } result)
                _committed.AddRange(keys.Select(key => (result.CommitTimestamp, key.ToString(), work.Transaction)));
        }

        private void Prepare(string keys, int size)
        {
            var work = WorkOf(keys, size);
            var preparing = _rig.Leader.PrepareAsync(new RangePrepare(work, [RangeRig.Descriptor.Id])).AsTask();
            _rig.Flush();
            if (preparing.Answered() is { Failure: null } result)
                _prepared.Add((work.Transaction, result.PrepareTimestamp, keys));
        }

        /// <summary>Decides, perhaps at a timestamp of another range whose clock runs ahead.</summary>
        private void Resolve(int which, bool commit, TimeSpan ahead)
        {
            var (id, prepared, keys) = _prepared[which];
            _prepared.RemoveAt(which);
            var at = commit ? prepared.Add(ahead) : Timestamp.Zero;
            var resolving = _rig.Leader.ResolveAsync([new Resolution(id, at)]).AsTask();
            _rig.Flush();
            Assert.Null(resolving.Answered());
            if (commit)
                _committed.AddRange(keys.Select(key => (at, key.ToString(), id)));
        }

        private void Read(int maxChanges)
        {
            var answer = Ask(_after, maxChanges);
            if (answer.Failure is { } failure)
            {
                Assert.Equal(ErrorCode.CursorCompacted, failure.Code);
                Assert.True(_after < failure.GcThreshold);
                _missed.Add((_after, failure.GcThreshold));
                _after = failure.GcThreshold;
                return;
            }

            _places.Add((_after, _read.Count));
            _read.AddRange(answer.Changes.Select(change => (change.Version, Encoding.UTF8.GetString(change.Key.Span), change.Transaction)));
            _after = Timestamp.Later(_after, answer.Resolved);
        }

        /// <summary>From an earlier place to here, unless a part of it is gone.</summary>
        private void ReadAgain(int which)
        {
            if (_places.Count == 0)
                return;
            var (after, read) = _places[which * (_places.Count - 1) / 9];
            var again = new List<(Timestamp, string, TransactionId)>();
            while (after < _after)
            {
                var answer = Ask(after, maxChanges: 2);
                if (answer.Failure is not null)
                {
                    Assert.True(after < _rig.Replica.Store.GcThreshold);
                    return;
                }

                if (answer.Resolved <= after)
                    break; // capped by what is on its way
                again.AddRange(answer.Changes.Select(change => (change.Version, Encoding.UTF8.GetString(change.Key.Span), change.Transaction)));
                after = answer.Resolved;
            }

            Assert.Equal(_read.Skip(read), again.Where(version => version.Item1 <= _after && !_missed.Exists(missed => version.Item1 > missed.After && version.Item1 <= missed.UpTo)));
        }

        private RangeChangesResult Ask(Timestamp after, int maxChanges) => _rig.Leader.ChangesAsync(
            new RangeChanges { After = after, Generation = 1, MaxChanges = maxChanges }, CancellationToken.None).AsTask().Answered();

        /// <summary>Mostly up to where the reader is, sometimes beyond.</summary>
        private void Collect(int size)
        {
            var threshold = size == 0 ? _rig.Clock.Now() : _after.Add(TimeSpan.FromMilliseconds(-10 * size));
            var raising = _rig.Leader.RaiseGcThresholdAsync(threshold < _rig.Clock.Now() ? threshold : _rig.Clock.Last.Previous);
            _rig.Flush();
            Assert.True(raising.IsCompletedSuccessfully);
            _rig.Replica.CollectGarbageSlice(64);
        }
    }
}
