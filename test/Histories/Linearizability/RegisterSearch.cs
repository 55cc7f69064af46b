using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Linearizability;

/// <summary>
/// Searches an order for the operations on one key, depth first, never visiting a configuration twice: the algorithm of Wing and Gong
/// (1993) with the memory of Lowe ("Testing for linearizability", 2017), as Porcupine has it.
/// <para>
/// What makes it fast on registers with versions, without losing an order: an operation that changes nothing and is true in the
/// present state is taken at once, since taking it can only remove an obstacle; writes whose version is known come in the order of
/// their versions, so that at most one of them can be next; and of the operations that may have happened and whose value nobody
/// read, those with the same kind and condition are interchangeable, since none of them has an end. Such a write has one of the
/// versions of which somebody was told without the value, or one that nobody was told.
/// </para>
/// </summary>
internal sealed class RegisterSearch
{
    private readonly Operation[] _versioned;
    private readonly Timestamp[] _versions;
    private readonly Operation[] _observations;
    private readonly Operation[][] _anonymous;
    private readonly Timestamp[] _orphans;
    private readonly Obligations _obligations;
    private readonly bool[] _observed;
    private readonly int[] _anonymousTaken;
    private readonly HashSet<Configuration> _visited = [];
    private readonly List<Operation> _order = [];
    private int _firstObservation;
    private int _nextVersioned;
    private RegisterState _state;

    public RegisterSearch(IReadOnlyList<Operation> operations)
    {
        var observedVersions = operations
            .Where(operation => operation is { Kind: OperationKind.Read, Outcome: OperationOutcome.Ok, Seen.Value: not null })
            .DistinctBy(operation => operation.Seen.Value)
            .ToDictionary(operation => operation.Seen.Value!, operation => operation.Seen.Version);
        var changes = operations
            .Where(operation => operation.IsChange && operation.Outcome is OperationOutcome.Ok or OperationOutcome.Unknown && operation.Kind != OperationKind.Read)
            .Select(operation => (Operation: operation, Version: VersionOf(operation, observedVersions)))
            .ToArray();
        var versioned = changes.Where(change => !change.Version.IsZero).OrderBy(change => change.Version).ToArray();
        _versioned = [.. versioned.Select(change => change.Operation)];
        _versions = [.. versioned.Select(change => change.Version)];
        _anonymous = [.. changes
            .Where(change => change.Version.IsZero)
            .Select(change => change.Operation)
            .GroupBy(operation => (operation.Kind, operation.Condition))
            .Select(alike => alike.OrderBy(operation => operation.Invoked).ToArray())];
        _orphans = [.. operations
            .SelectMany(operation => new[] { operation.Outcome == OperationOutcome.Mismatch ? operation.Seen.Version : default, operation.Condition.Version })
            .Except(_versions)
            .Order()];
        _observations = [.. operations.Where(IsObservation).OrderBy(operation => operation.Invoked)];
        _obligations = new Obligations([.. _versioned.Concat(_observations)]);
        _observed = new bool[_observations.Length];
        _anonymousTaken = new int[_anonymous.Length];
    }

    /// <summary>Operations that must be in the order.</summary>
    public int Total => _versioned.Length + _observations.Length;

    /// <summary>The longest order found when there is no complete one.</summary>
    public List<Operation> DeepestOrder { get; private set; } = [];

    /// <summary>What the key holds after it.</summary>
    public RegisterState DeepestState { get; private set; }

    /// <summary>What it leaves out.</summary>
    public IEnumerable<Operation> DeepestRest => _versioned.Concat(_observations).Except(DeepestOrder);

    /// <summary>Whether there is an order.</summary>
    public bool Run()
    {
        var path = new Stack<Step>();
        path.Push(Enter(new Step(_order.Count, _state, _firstObservation)));
        while (!_obligations.AllDone)
        {
            var step = path.Peek();
            if (!step.IsKnown && TryAdvance(step) is { } next)
            {
                path.Push(Enter(next));
                continue;
            }

            Leave(path.Pop());
            if (path.Count == 0)
                return false;
        }

        return true;
    }

    private static bool IsObservation(Operation operation) => operation.Outcome switch
    {
        OperationOutcome.Mismatch => true,
        OperationOutcome.Ok => !operation.IsChange && !operation.IsStaleRead,
        _ => false,
    };

    private static Timestamp VersionOf(Operation operation, Dictionary<string, Timestamp> observed) =>
        operation.Outcome == OperationOutcome.Ok ? operation.Version
        : operation.Value is { } value && observed.TryGetValue(value, out var version) ? version
        : Timestamp.Zero;

    private Timestamp Ceiling => _nextVersioned < _versions.Length ? _versions[_nextVersioned] : Timestamp.Max;

    /// <summary>Takes every observation that is true here; then notes the configuration.</summary>
    private Step Enter(Step step)
    {
        bool found;
        do
        {
            found = false;
            for (var i = _firstObservation; i < _observations.Length && _observations[i].Invoked <= _obligations.Deadline; i++)
            {
                if (_observed[i] || !_state.Explains(_observations[i]))
                    continue;
                _observed[i] = true;
                step.Observations.Add(i);
                Take(_observations[i]);
                found = true;
            }

            while (_firstObservation < _observations.Length && _observed[_firstObservation])
                _firstObservation++;
        }
        while (found);

        step.IsKnown = !_visited.Add(new Configuration(_nextVersioned, _state, [.. _anonymousTaken], [.. OpenObservations()], _firstObservation));
        return step;
    }

    private IEnumerable<int> OpenObservations()
    {
        // Observations are taken in about their order, so those taken beyond the first open one say it all.
        for (var i = _firstObservation; i < _observations.Length && _observations[i].Invoked <= _obligations.Deadline; i++)
        {
            if (_observed[i])
                yield return i;
        }
    }

    /// <summary>Takes the next write that this step has not tried yet.</summary>
    private Step? TryAdvance(Step step)
    {
        var next = new Step(_order.Count, _state, _firstObservation);
        if (!step.TriedVersioned)
        {
            step.TriedVersioned = true;
            if (TryTakeVersioned(step, next))
                return next;
        }

        step.Choices ??= AnonymousChoices(step).GetEnumerator();
        if (!step.Choices.MoveNext())
            return null;
        TakeAnonymous(next, step.Choices.Current.Group, step.Choices.Current.Version);
        return next;
    }

    private bool TryTakeVersioned(Step step, Step next)
    {
        if (_nextVersioned == _versioned.Length)
            return false;
        var write = _versioned[_nextVersioned];
        var version = _versions[_nextVersioned];
        if (!CanTake(write, step) || version <= _state.Floor)
            return false;
        _nextVersioned++;
        _state = write.Kind == OperationKind.Delete ? new(false, null, default, version) : new(true, write.Value, version, version);
        next.Write = Step.Versioned;
        Take(write);
        return true;
    }

    /// <summary>The writes of unknown version that may be next; zero for a version that nobody was told.</summary>
    private IEnumerable<(int Group, Timestamp Version)> AnonymousChoices(Step step)
    {
        for (var group = 0; group < _anonymous.Length; group++)
        {
            if (_anonymousTaken[group] == _anonymous[group].Length || !CanTake(_anonymous[group][_anonymousTaken[group]], step))
                continue;
            yield return (group, Timestamp.Zero);
            if (_anonymous[group][0].Kind == OperationKind.Delete)
                continue;
            var orphan = Array.BinarySearch(_orphans, _state.Floor.Next);
            for (orphan = orphan < 0 ? ~orphan : orphan; orphan < _orphans.Length && _orphans[orphan] < Ceiling; orphan++)
                yield return (group, _orphans[orphan]);
        }
    }

    private void TakeAnonymous(Step next, int group, Timestamp version)
    {
        var write = _anonymous[group][_anonymousTaken[group]++];
        _state = write.Kind == OperationKind.Delete
            ? new(false, null, default, _state.Floor)
            : new(true, write.Value, version, Timestamp.Later(version, _state.Floor));
        next.Write = group;
        _order.Add(write);
    }

    /// <summary>
    /// Whether the write may come next, and whether it is worth it: when the write before it is one that nobody needs to have happened,
    /// nothing saw its state, and this one does without it too, then leaving it out is as good.
    /// </summary>
    private bool CanTake(Operation write, Step step) =>
        write.Invoked <= _obligations.Deadline && IsAllowed(write, _state)
        && !(step is { Write: >= 0, Observations.Count: 0 } && IsAllowed(write, step.StateBefore));

    private static bool IsAllowed(Operation write, RegisterState state) =>
        state.Satisfies(write.Condition) && (write.Existed is not { } existed || existed == state.Exists);

    private void Take(Operation operation)
    {
        _obligations.Done(operation);
        _order.Add(operation);
    }

    private void Leave(Step step)
    {
        if (_order.Count > DeepestOrder.Count)
            (DeepestOrder, DeepestState) = ([.. _order], _state);
        foreach (var i in step.Observations)
        {
            _observed[i] = false;
            _obligations.Reopen(_observations[i]);
        }

        if (step.Write == Step.Versioned)
            _obligations.Reopen(_versioned[--_nextVersioned]);
        else if (step.Write != Step.NoWrite)
            _anonymousTaken[step.Write]--;
        _order.RemoveRange(step.OrderBefore, _order.Count - step.OrderBefore);
        _firstObservation = step.FirstObservationBefore;
        _state = step.StateBefore;
    }

    /// <summary>A write, and the observations that became true by it.</summary>
    private sealed class Step(int orderBefore, RegisterState stateBefore, int firstObservationBefore)
    {
        /// <summary>The next one in the order of versions; from 0 on, the next of a group of anonymous ones.</summary>
        public const int Versioned = -1;

        /// <summary>The beginning.</summary>
        public const int NoWrite = -2;

        public int Write { get; set; } = NoWrite;

        public int OrderBefore => orderBefore;

        public RegisterState StateBefore => stateBefore;

        public int FirstObservationBefore => firstObservationBefore;

        public List<int> Observations { get; } = [];

        public bool TriedVersioned { get; set; }

        /// <summary>What is left to try after that; evaluated when the search is back at this step.</summary>
        public IEnumerator<(int Group, Timestamp Version)>? Choices { get; set; }

        /// <summary>Another way led here before.</summary>
        public bool IsKnown { get; set; }
    }

    /// <summary>Everything on which the rest of the search depends.</summary>
    private sealed class Configuration(int nextVersioned, RegisterState state, int[] anonymous, int[] open, int firstObservation) : IEquatable<Configuration>
    {
        private readonly int _nextVersioned = nextVersioned;
        private readonly RegisterState _state = state;
        private readonly int[] _anonymous = anonymous;
        private readonly int[] _open = open;
        private readonly int _firstObservation = firstObservation;

        public bool Equals(Configuration? other) =>
            other is not null && _nextVersioned == other._nextVersioned && _firstObservation == other._firstObservation && _state == other._state
            && _anonymous.AsSpan().SequenceEqual(other._anonymous) && _open.AsSpan().SequenceEqual(other._open);

        public override bool Equals(object? obj) => Equals(obj as Configuration);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(_nextVersioned);
            hash.Add(_firstObservation);
            hash.Add(_state);
            foreach (var taken in _anonymous)
                hash.Add(taken);
            foreach (var observation in _open)
                hash.Add(observation);
            return hash.ToHashCode();
        }
    }
}
