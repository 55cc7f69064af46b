using System.Text;
using System.Text.Json;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>Sagas that do what a test says, and remember what was asked of them.</summary>
internal sealed class FakeSagas : ISagaStore
{
    public static readonly DateTimeOffset Began = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<SagaRow> _rows = [];
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Refuses the next request.</summary>
    public Failure? NextFailure { get; set; }

    /// <summary>Whether answers say that the same request came before.</summary>
    public bool IsRepeated { get; set; }

    public string Status { get; set; } = "running";

    public bool IsComplete { get; set; }

    public SagaStart? LastStart { get; private set; }

    public SagaCommand? LastCommand { get; private set; }

    public IdempotencyStamp? LastStamp { get; private set; }

    public SagaQuery? LastQuery { get; private set; }

    public TimeSpan LastWait { get; private set; }

    public string? LastDefinition { get; private set; }

    public void Publish(string row)
    {
        using var document = JsonDocument.Parse(row);
        lock (_rows)
        {
            _rows.Add(new SagaRow(_rows.Count, document.RootElement.GetProperty("event").GetString()!, Encoding.UTF8.GetBytes(row)));
            IsComplete = _rows[^1].Event == "ended";
        }

        Interlocked.Exchange(ref _news, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    public Task<SagaAnswer> StartAsync(SagaStart start, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastStart = start;
        return Answer(start.Id, start.Input);
    }

    public Task<SagaAnswer> FindAsync(string id, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastWait = wait;
        return Answer(id, "{}"u8.ToArray());
    }

    public Task<SagaAnswer> ActAsync(string id, SagaCommand command, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        (LastCommand, LastStamp) = (command, idempotency);
        return Answer(id, "{}"u8.ToArray());
    }

    public Task<SagaPage> ListAsync(SagaQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastQuery = query;
        return Task.FromResult(Refusal is { } failure ? SagaPage.Failed(failure) : new SagaPage { Items = [SummaryOf("s-1")], Cursor = "next" });
    }

    public async Task<SagaHistory> HistoryAsync(string id, int from, int limit, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastWait = wait;
        if (Refusal is { } failure)
            return SagaHistory.Failed(failure);
        while (true)
        {
            var news = _news.Task;
            lock (_rows)
            {
                var rows = _rows.Skip(from).Take(limit).ToList();
                var isComplete = IsComplete && from + rows.Count == _rows.Count;
                if (rows.Count > 0 || isComplete || wait == TimeSpan.Zero)
                    return new SagaHistory { Rows = rows, Next = from + rows.Count, IsComplete = isComplete };
            }

            await news.WaitAsync(cancellationToken);
        }
    }

    public Task<SagaDefinitionAnswer> PutDefinitionAsync(
        string name, int version, ReadOnlyMemory<byte> definition, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        (LastDefinition, LastStamp) = (Encoding.UTF8.GetString(definition.Span), idempotency);
        return Task.FromResult(Refusal is { } failure
            ? SagaDefinitionAnswer.Failed(failure)
            : new SagaDefinitionAnswer { Definition = DefinitionOf(name, version), IsNew = !IsRepeated, IsRepeated = IsRepeated });
    }

    public Task<SagaDefinitionAnswer> FindDefinitionAsync(string name, int version, TimeSpan timeout, CancellationToken cancellationToken) =>
        Task.FromResult(Refusal is { } failure ? SagaDefinitionAnswer.Failed(failure) : new SagaDefinitionAnswer { Definition = DefinitionOf(name, version) });

    public Task<SagaDefinitionPage> ListDefinitionsAsync(string? cursor, int limit, TimeSpan timeout, CancellationToken cancellationToken) =>
        Task.FromResult(Refusal is { } failure ? SagaDefinitionPage.Failed(failure) : new SagaDefinitionPage { Items = [DefinitionOf("made", 1)] });

    private static StoredSagaDefinition DefinitionOf(string name, int version) =>
        new(name, version, "00ff", Encoding.UTF8.GetBytes("""{"steps":[{"name":"one","service":"made","action":"do"}],"deadline":"1h"}"""));

    private Failure? Refusal
    {
        get
        {
            var failure = NextFailure;
            NextFailure = null;
            return failure;
        }
    }

    private SagaSummary SummaryOf(string id) => new()
    {
        Id = id,
        Definition = "made",
        Version = 1,
        Status = Status,
        HasEnded = Status is "completed" or "compensated" or "closedManually",
        Step = "one",
        Reason = "because",
        StartedAt = Began,
        UpdatedAt = Began.AddSeconds(1),
    };

    private Task<SagaAnswer> Answer(string id, ReadOnlyMemory<byte> input)
    {
        if (Refusal is { } failure)
            return Task.FromResult(SagaAnswer.Failed(failure));
        var step = new SagaStepView { Name = "one", Kind = "pivot", Status = "scheduled", Service = "made", Input = input, RetryAt = Began };
        return Task.FromResult(new SagaAnswer { Saga = new SagaView(SummaryOf(id), input, [step]) { Rows = 2 }, IsRepeated = IsRepeated });
    }
}
