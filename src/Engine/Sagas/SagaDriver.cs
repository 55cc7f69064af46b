using GrainDb.Interfaces.Errors;

namespace GrainDb.Engine.Sagas;

/// <summary>
/// One activation of a saga: asks <see cref="SagaMachine"/> what is next, and says to its host what to do, one read or append of the log at a time. Whatever happens at the same moment goes into one
/// append: answers of services, requests from outside, and the rows that follow from them up to the next call.
/// <para>
/// What holds: the state is what is in the log, never more; a service is called only by a state that is durable. A row that was refused because there is one already means that another activation was
/// first, and one of which nobody knows may be there or may still come: both times the log is read again, and everything that was to be appended is decided anew by what it says. Two activations cannot
/// both append: the row's sequence number decides. A crash loses nothing but calls under way, which are made again under the same key. So the first append of an activation that is to start the saga is made
/// in hope, without reading that there is no log: were there one, it would be refused.
/// </para>
/// Not thread-safe: its host calls it from one turn at a time.
/// </summary>
public sealed class SagaDriver
{
    private readonly string _id;
    private readonly Func<double> _jitter;
    private readonly List<SagaProposal> _proposals = [];
    private readonly List<(SagaAction.Call Call, SagaCallResult Result)> _answers = [];
    private readonly HashSet<string> _inFlight = [];
    private bool _isLoaded;
    private bool _mayHope = true;
    private bool _isReading;
    private Batch? _batch;
    private int _failures;
    private DateTimeOffset _notBefore;

    /// <param name="id">The saga.</param>
    /// <param name="jitter">Uniform in [0, 1).</param>
    public SagaDriver(string id, Func<double> jitter)
    {
        ArgumentNullException.ThrowIfNull(jitter);
        _id = id;
        _jitter = jitter;
    }

    internal SagaFaults Faults { get; init; }

    /// <summary>The saga as its log said last; null before it was read, and while there is no such saga.</summary>
    public SagaState? State { get; private set; }

    /// <summary>Whether nothing is under way and nobody waits: the host may let go of it, and read the log when it is wanted again.</summary>
    public bool IsIdle => _batch is null && !_isReading && _inFlight.Count == 0 && _proposals.Count == 0;

    /// <summary>What to do now. Asked again after each of the answers below, after <see cref="Propose"/>, and at the moment that it names.</summary>
    public IReadOnlyList<SagaEffect> Next(DateTimeOffset now)
    {
        if (_batch is not null || _isReading)
            return [];
        if (now < _notBefore)
            return [new SagaEffect.Wait(_notBefore)];
        var hopes = !_isLoaded && _mayHope && _proposals.Exists(proposal => proposal.Starts is not null);
        _mayHope = false;
        if (!_isLoaded && !hopes)
        {
            _isReading = true;
            return [new SagaEffect.Load()];
        }

        if (FormBatch(now) is { } batch)
        {
            _batch = batch;
            var append = new SagaEffect.Append(State?.Rows ?? 0, batch.Encoded, batch.After, batch.Stamped?.Stamp);
            return Faults.HasFlag(SagaFaults.CallBeforeDurable) ? [append, .. CallsOf(batch.After, now)] : [append];
        }

        var effects = new List<SagaEffect>();
        foreach (var action in State is null ? [] : SagaMachine.Next(State, now, _inFlight))
        {
            if (action is SagaAction.Call call)
            {
                _inFlight.Add(call.Step.Step.Name);
                effects.Add(new SagaEffect.Call(call));
            }
            else if (action is SagaAction.Wait wait)
            {
                effects.Add(new SagaEffect.Wait(wait.Until));
            }
        }

        return effects.Count > 0 ? effects : [new SagaEffect.Wait(null)];
    }

    private IEnumerable<SagaEffect> CallsOf(SagaState state, DateTimeOffset now) =>
        SagaMachine.Next(state, now, _inFlight).OfType<SagaAction.Call>().Where(call => _inFlight.Add(call.Step.Step.Name)).Select(call => new SagaEffect.Call(call));

    /// <summary>A request from outside.</summary>
    /// <returns>Why it is not taken; null when it is.</returns>
    public Failure? Propose(SagaProposal proposal)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        if (_proposals.Count >= SagaLimits.MaxProposals)
            return Failure.NotApplied(ErrorCode.Overloaded, $"{SagaLimits.MaxProposals} requests wait for saga {_id}, which is the limit") with { RetryAfter = TimeSpan.FromSeconds(1) };
        _proposals.Add(proposal);
        return null;
    }

    /// <summary>Nobody waits for a request any more.</summary>
    /// <returns>Whether it certainly did not happen and will not.</returns>
    public bool Withdraw(SagaProposal proposal)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        _proposals.Remove(proposal);
        return proposal.Sent.Count == 0 || Faults.HasFlag(SagaFaults.ForgetSent);
    }

    /// <summary>The log was read.</summary>
    /// <param name="definition">The definition of the saga; null when there is no row.</param>
    /// <param name="rows">All of its rows, as they are stored.</param>
    /// <exception cref="InvalidDataException">The rows are no log of this definition.</exception>
    /// <exception cref="System.Text.Json.JsonException">A row is none that this version knows.</exception>
    public void Loaded(SagaDefinition? definition, IReadOnlyList<ReadOnlyMemory<byte>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        _isReading = false;
        var state = definition is null ? null : SagaState.Of(definition, rows.Select(row => SagaJson.Decode(row.Span)));
        _isLoaded = true;
        _failures = 0;
        State = state;
        foreach (var proposal in _proposals.Where(proposal => proposal.Sent.Exists(sent => rows.Any(row => row.Span.SequenceEqual(sent)))).ToList())
            Complete(proposal, new SagaVerdict.Already(IsRepeated: false));
    }

    /// <summary>The log could not be read.</summary>
    public void LoadFailed(DateTimeOffset now)
    {
        _isReading = false;
        Pause(now);
    }

    /// <summary>The log was read, and is none: nothing is done before a moment.</summary>
    public void Unusable(DateTimeOffset until)
    {
        _isReading = false;
        _notBefore = until;
    }

    /// <summary>An append ended.</summary>
    public void Appended(SagaAppendOutcome outcome, DateTimeOffset now)
    {
        var batch = _batch ?? throw new InvalidOperationException("nothing is being appended");
        _batch = null;
        if (outcome == SagaAppendOutcome.Unknown && Faults.HasFlag(SagaFaults.GuessAppended))
            outcome = SagaAppendOutcome.Appended;
        if (outcome is not (SagaAppendOutcome.Appended or SagaAppendOutcome.Unknown))
        {
            foreach (var (proposal, row) in batch.Proposed)
                proposal.Sent.Remove(row);
        }

        switch (outcome)
        {
            case SagaAppendOutcome.Appended:
                Keep(batch);
                break;
            case SagaAppendOutcome.Lost:
                _isLoaded = false;
                break;
            case SagaAppendOutcome.Unknown:
                _isLoaded = false;
                Pause(now);
                break;
            case SagaAppendOutcome.NotApplied:
                Pause(now);
                break;
            case SagaAppendOutcome.Repeated:
                Complete(batch.Stamped!, new SagaVerdict.Already(IsRepeated: true));
                break;
            case SagaAppendOutcome.StampMismatch:
                Complete(batch.Stamped!, new SagaVerdict.Refused(Failure.NotApplied(ErrorCode.IdempotencyMismatch, "the idempotency key was used for another request")));
                break;
            default:
                throw new InvalidOperationException($"unknown outcome {outcome}");
        }
    }

    /// <summary>A service answered.</summary>
    public void Answered(SagaAction.Call call, SagaCallResult result)
    {
        ArgumentNullException.ThrowIfNull(call);
        ArgumentNullException.ThrowIfNull(result);
        _answers.Add((call, Bounded(result)));
    }

    private static SagaCallResult Bounded(SagaCallResult result) =>
        SagaJson.WhyNot(result.Output) is { } why ? new(SagaCallStatus.Bug, default, $"what the service gave back cannot be kept: {why}") : result;

    private void Keep(Batch batch)
    {
        _failures = 0;
        _isLoaded = true;
        State = batch.After;
        foreach (var answer in batch.Answers)
        {
            _answers.Remove(answer);
            _inFlight.Remove(answer.Call.Step.Step.Name);
        }

        foreach (var (proposal, row) in batch.Proposed)
            Complete(proposal, new SagaVerdict.Row(SagaJson.Decode(row)));
    }

    private void Complete(SagaProposal proposal, SagaVerdict verdict)
    {
        if (_proposals.Remove(proposal))
            proposal.Complete(verdict);
    }

    private void Pause(DateTimeOffset now)
    {
        var bound = SagaLimits.FirstLogPause * Math.Pow(2, Math.Min(_failures++, 16));
        _notBefore = now + ((bound < SagaLimits.LongestLogPause ? bound : SagaLimits.LongestLogPause) * (0.5 + (_jitter() / 2)));
    }

    /// <returns>Null when there is nothing to append.</returns>
    private Batch? FormBatch(DateTimeOffset now)
    {
        var batch = new Batch(State);
        TakeProposals(batch, now);
        TakeAnswers(batch, now);
        var inFlight = _inFlight.Except(batch.Answers.Select(answer => answer.Call.Step.Step.Name)).ToHashSet();
        while (batch.HasRoom && batch.State is { } state && SagaMachine.Next(state, now, inFlight) is [SagaAction.Append next])
            batch.Add(Skipped(state, next.Row));
        return batch.Encoded.Count > 0 ? batch : null;
    }

    private SagaEvent Skipped(SagaState state, SagaEvent row) => row is SagaEvent.UndoScheduled undo && state.Find(undo.Step).Status switch
    {
        SagaStepStatus.Scheduled => Faults.HasFlag(SagaFaults.SkipUndoOfUnknown),
        SagaStepStatus.Skipped => Faults.HasFlag(SagaFaults.ForgetSkipped),
        _ => false,
    }
        ? new SagaEvent.UndoCompleted(row.At, undo.Step, default)
        : row;

    private void TakeProposals(Batch batch, DateTimeOffset now)
    {
        foreach (var proposal in _proposals.ToList())
        {
            if (!batch.HasRoom || (proposal.Stamp is not null && batch.Stamped is not null))
                continue;
            if (!_isLoaded && batch.State is null && proposal.Starts is null)
                continue; // what is not read cannot be said not to be there
            var verdict = proposal.Evaluate(batch.State, now);
            if (verdict is SagaVerdict.Row row)
                batch.Add(row.Event, proposal);
            else if (batch.Encoded.Count == 0)
                Complete(proposal, verdict); // judged by what is durable; the others have to wait until that is
        }
    }

    private void TakeAnswers(Batch batch, DateTimeOffset now)
    {
        foreach (var answer in _answers.ToList())
        {
            if (!batch.HasRoom || batch.State is null)
                break;
            if (SagaMachine.Judge(batch.State, answer.Call, answer.Result, now, _jitter()) is { } row)
            {
                batch.Add(row);
                batch.Answers.Add(answer);
            }
            else if (batch.Encoded.Count == 0)
            {
                _answers.Remove(answer);
                _inFlight.Remove(answer.Call.Step.Step.Name);
            }
        }
    }

    private sealed class Batch(SagaState? state)
    {
        private int _bytes;

        public SagaState? State { get; private set; } = state;

        public SagaState After => State!;

        public List<ReadOnlyMemory<byte>> Encoded { get; } = [];

        public List<(SagaAction.Call Call, SagaCallResult Result)> Answers { get; } = [];

        public List<(SagaProposal Proposal, byte[] Row)> Proposed { get; } = [];

        public SagaProposal? Stamped { get; private set; }

        public bool HasRoom => Encoded.Count < SagaLimits.MaxBatchRows && _bytes < SagaLimits.MaxBatchBytes;

        public void Add(SagaEvent row, SagaProposal? proposal = null)
        {
            State = State is null
                ? SagaState.Of(proposal?.Starts ?? throw new InvalidOperationException($"{row.GetType().Name} cannot be the first row"), [row])
                : State.Apply(row);
            var bytes = SagaJson.Encode(row);
            Encoded.Add(bytes);
            _bytes += bytes.Length;
            if (proposal is null)
                return;
            proposal.Sent.Add(bytes);
            Proposed.Add((proposal, bytes));
            if (proposal.Stamp is not null)
                Stamped = proposal;
        }
    }
}
