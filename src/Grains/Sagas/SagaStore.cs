using System.Diagnostics;
using System.Text.Json;
using System.Text.Unicode;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Sagas;

/// <summary>Sagas as this node offers them. What only looks reads the log, so that a saga that has ended is in nobody's memory; what changes something goes to the saga's activation.</summary>
internal sealed class SagaStore(SagaLog log, SagaDefinitions definitions, SagaList list, IGrainFactory grains, TimeProvider time, ILogger<SagaStore> logger) : ISagaStore
{
    /// <summary>Time for the answer of the saga's node to come back.</summary>
    private static readonly TimeSpan AnswerMargin = TimeSpan.FromMilliseconds(100);

    /// <summary>Until a saga whose node was lost is asked for again.</summary>
    private static readonly TimeSpan LostNodePause = TimeSpan.FromMilliseconds(200);

    /// <summary>Well below the time in which Orleans wants an answer.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    public async Task<SagaAnswer> StartAsync(SagaStart start, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNot(start) is { } invalid)
            return SagaAnswer.Failed(invalid);
        var began = time.GetTimestamp();
        start = start with { TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null };
        while (true)
        {
            var left = timeout - time.GetElapsedTime(began);
            var answer = await CallAsync(start.Id, grain => grain.StartAsync(start, WithMargin(left)), left, cancellationToken);

            // A node that is gone says nothing of whether it started; to start it again is the same.
            if (answer.Failure is not { Code: ErrorCode.OutcomeUnknown } || timeout - time.GetElapsedTime(began) <= LostNodePause)
                return answer;
            await Task.Delay(LostNodePause, time, cancellationToken);
        }
    }

    public async Task<SagaAnswer> FindAsync(string id, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (SagaDefinition.IsName(id, SagaLimits.MaxIdLength) && wait - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
        {
            // Who waits asks the activation, which knows; only where that does not answer, the log.
            var waited = await WaitAsync(id, int.MaxValue, left, cancellationToken);
            if (waited is { Failure: null, Saga.Summary.HasEnded: true } || (waited.Failure is null && wait <= time.GetElapsedTime(began)))
                return waited;
            if (waited.Failure is not null && await ReadAsync(id, timeout, cancellationToken) is { } found && (found.Failure is not null || found.Saga!.Summary.HasEnded))
                return found;
        }

        return await ReadAsync(id, timeout, cancellationToken);
    }

    public async Task<SagaAnswer> ActAsync(string id, SagaCommand command, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNot(command) is { } invalid)
            return SagaAnswer.Failed(invalid);
        if (!SagaDefinition.IsName(id, SagaLimits.MaxIdLength))
            return SagaAnswer.Failed(NotFound(id));
        return await CallAsync(id, grain => grain.ActAsync(command, idempotency, WithMargin(timeout)), timeout, cancellationToken);
    }

    public Task<SagaPage> ListAsync(SagaQuery query, TimeSpan timeout, CancellationToken cancellationToken) => list.ListAsync(query, timeout, cancellationToken);

    public async Task<SagaHistory> HistoryAsync(string id, int from, int limit, TimeSpan wait, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!SagaDefinition.IsName(id, SagaLimits.MaxIdLength))
            return SagaHistory.Failed(NotFound(id));
        var began = time.GetTimestamp();
        while (true)
        {
            // With the row before: whether anything comes after it is in it.
            var first = Math.Max(from - 1, 0);
            var (failure, rows, isMore) = await log.ReadRowsAsync(id, first, limit + from - first, timeout, cancellationToken);
            if (failure is not null)
                return SagaHistory.Failed(failure);
            if (rows.Count == 0)
                return SagaHistory.Failed(first == 0 ? NotFound(id) : Invalid($"saga '{id}' has no event {first}: there is nothing to go on from"));
            var isComplete = !isMore && IsLast(rows[^1]);
            var wanted = rows.Select((row, index) => new SagaRow(first + index, NameOf(row), row)).Where(row => row.Sequence >= from).ToList();
            var left = wait - time.GetElapsedTime(began);
            if (wanted.Count > 0 || isComplete || left <= TimeSpan.Zero)
                return new SagaHistory { Rows = wanted, Next = from + wanted.Count, IsComplete = isComplete };
            if ((await WaitAsync(id, from, left, cancellationToken)).Failure is { Code: ErrorCode.SagaNotFound })
                await Task.Delay(LostNodePause, time, cancellationToken); // taken away meanwhile, or an activation that has not heard of it: the log tells
        }
    }

    public Task<SagaDefinitionAnswer> PutDefinitionAsync(
        string name, int version, ReadOnlyMemory<byte> definition, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken) =>
        definitions.PutAsync(name, version, definition, idempotency, timeout, cancellationToken);

    public Task<SagaDefinitionAnswer> FindDefinitionAsync(string name, int version, TimeSpan timeout, CancellationToken cancellationToken) =>
        SagaDefinition.IsName(name, SagaLimits.MaxNameLength)
            ? definitions.ReadAsync(name, version, timeout, cancellationToken)
            : Task.FromResult(SagaDefinitionAnswer.Failed(Failure.NotApplied(ErrorCode.SagaDefinitionNotFound, "there is no definition of that name")));

    public async Task<SagaDefinitionPage> ListDefinitionsAsync(string? cursor, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!SagaCursor.TryParse(cursor, out var place))
            return SagaDefinitionPage.Failed(SagaCursor.Invalid);
        var (failure, items, resume) = await definitions.ListAsync(place.Resume, limit, timeout, cancellationToken);
        return failure is null
            ? new SagaDefinitionPage { Items = items, Cursor = resume is null ? null : new SagaCursor(0, resume).ToString() }
            : SagaDefinitionPage.Failed(failure);
    }

    private static TimeSpan WithMargin(TimeSpan timeout) => timeout - (timeout / 4 < AnswerMargin ? timeout / 4 : AnswerMargin);

    private static Failure NotFound(string id) => Failure.NotApplied(ErrorCode.SagaNotFound, $"there is no saga '{(id.Length <= SagaLimits.MaxIdLength ? id : id[..SagaLimits.MaxIdLength])}'");

    private static Failure? WhyNot(SagaStart start)
    {
        if (!SagaDefinition.IsName(start.Id, SagaLimits.MaxIdLength))
            return Invalid($"a saga's id is 1 to {SagaLimits.MaxIdLength} of A-Z a-z 0-9 . _ -");
        if (!SagaDefinition.IsName(start.Definition, SagaLimits.MaxNameLength))
            return Failure.NotApplied(ErrorCode.SagaDefinitionNotFound, "there is no definition of that name");
        return CheckDocument(start.Input, "the input", isRequired: true);
    }

    private static Failure? WhyNot(SagaCommand command)
    {
        if (command.Kind == SagaCommandKind.Signal && !SagaDefinition.IsName(command.Target, SagaLimits.MaxNameLength))
            return Invalid($"a signal's name is 1 to {SagaLimits.MaxNameLength} of A-Z a-z 0-9 . _ -");
        if (command.Reason.Length > SagaLimits.MaxReasonLength || command.Actor.Length > SagaLimits.MaxReasonLength)
            return Invalid($"actor and reason have at most {SagaLimits.MaxReasonLength} characters");
        return CheckDocument(command.Payload, command.Kind == SagaCommandKind.Signal ? "the signal's payload" : "the output", isRequired: false);
    }

    private static Failure? CheckDocument(ReadOnlyMemory<byte> json, string what, bool isRequired)
    {
        if (json.Length > SagaLimits.MaxDocumentBytes)
            return Failure.NotApplied(ErrorCode.RequestTooLarge, $"{what} has {json.Length} bytes, the limit is {SagaLimits.MaxDocumentBytes}");
        if (json.IsEmpty && !isRequired)
            return null;
        if (!Utf8.IsValid(json.Span))
            return Invalid($"{what} is not UTF-8");
        try
        {
            using var document = JsonDocument.Parse(json);
            return SagaJson.WhyNot(document.RootElement) is { } why ? Invalid($"{what}: {why}") : null;
        }
        catch (JsonException exception)
        {
            return Invalid($"{what} is no JSON: {exception.Message}");
        }
    }

    private static Failure Invalid(string detail) => Failure.NotApplied(ErrorCode.InvalidRequest, detail);

    private static string NameOf(ReadOnlyMemory<byte> row)
    {
        using var document = JsonDocument.Parse(row);
        return document.RootElement.GetProperty("event").GetString()!;
    }

    private static bool IsLast(ReadOnlyMemory<byte> row) => SagaJson.Decode(row.Span) is SagaEvent.Ended or SagaEvent.Operator { Action: SagaOperatorAction.Close };

    private async Task<SagaAnswer> ReadAsync(string id, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!SagaDefinition.IsName(id, SagaLimits.MaxIdLength))
            return SagaAnswer.Failed(NotFound(id));
        try
        {
            var read = await log.ReadAsync(id, timeout, cancellationToken);
            if (read.Failure is not null || read.Definition is null)
                return SagaAnswer.Failed(read.Failure ?? NotFound(id));
            var state = SagaState.Of(read.Definition, read.Rows.Select(row => SagaJson.Decode(row.Span)));
            return new SagaAnswer { Saga = SagaViews.ToView(state, time.GetUtcNow()) };
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException)
        {
            return SagaAnswer.Failed(Failure.NotApplied(ErrorCode.Internal, $"the log of saga {id} cannot be used: {exception.Message}"));
        }
    }

    /// <summary>Waits for news of a saga; on any trouble but that the activation knows of none a moment, so that the caller looks again.</summary>
    private async Task<SagaAnswer> WaitAsync(string id, int rows, TimeSpan wait, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await grains.GetGrain<ISagaGrain>(id).WaitAsync(rows, wait < LongestWait ? wait : LongestWait, cancellationToken);
            if (answer.Failure is null or { Code: ErrorCode.SagaNotFound })
                return answer;
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            SagasLog.NotWaited(logger, id, exception.Message);
        }

        await Task.Delay(wait < LostNodePause ? wait : LostNodePause, time, cancellationToken);
        return SagaAnswer.Failed(Failure.NotApplied(ErrorCode.Unavailable, "the saga's node did not answer"));
    }

    private async Task<SagaAnswer> CallAsync(string id, Func<ISagaGrain, Task<SagaAnswer>> ask, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return await ask(grains.GetGrain<ISagaGrain>(id)).WaitAsync(timeout, time, cancellationToken);
        }
        catch (PlacementUnavailableException exception)
        {
            return SagaAnswer.Failed(Failure.NotApplied(ErrorCode.Unavailable, exception.Message));
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            return SagaAnswer.Failed(Failure.Unknown(ErrorCode.OutcomeUnknown, $"the node of saga {id} did not answer in time; its history tells what happened"));
        }
    }
}
