using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Sagas;

/// <summary>One saga, addressed by its id: the activation that carries it out. See <see cref="ISagaStore"/>. Two at once do no harm: the log lets one of them go on.</summary>
[Alias("graindb.saga")]
public interface ISagaGrain : IGrainWithStringKey
{
    /// <summary>Starts it; its definition exists and its input is within bounds.</summary>
    [Alias("start")]
    Task<SagaAnswer> StartAsync(SagaStart start, TimeSpan timeout);

    /// <summary>Answers when it has more rows than <paramref name="rows"/>, or has ended, or after the wait.</summary>
    [Alias("wait")]
    Task<SagaAnswer> WaitAsync(int rows, TimeSpan wait, CancellationToken cancellationToken);

    /// <summary>Does something to it.</summary>
    [Alias("act")]
    Task<SagaAnswer> ActAsync(SagaCommand command, IdempotencyStamp? idempotency, TimeSpan timeout);

    /// <summary>Makes it go on, if it does not.</summary>
    [Alias("wake")]
    Task WakeAsync();
}
