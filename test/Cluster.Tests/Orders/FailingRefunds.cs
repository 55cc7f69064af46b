using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>The payment service behind a bank that takes no refunds while a test says so.</summary>
internal sealed class FailingRefunds(ISagaService payment, FailingRefunds.Bank bank) : ISagaService
{
    public const string ServiceName = "payment-at-a-bank";

    public string Name => ServiceName;

    public IReadOnlyDictionary<string, string?> Actions => payment.Actions;

    public Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken) => call.IsUndo && bank.IsClosed
        ? Task.FromResult(new SagaCallResult(SagaCallStatus.Transient, default, "the bank is closed"))
        : payment.CallAsync(call, cancellationToken);

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        payment.SettleAsync(call, isDone, output, cancellationToken);

    public Task<Failure?> ForgetAsync(IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken) => payment.ForgetAsync(steps, cutoff, cancellationToken);

    /// <summary>The bank, which all nodes share.</summary>
    internal sealed class Bank
    {
        public volatile bool IsClosed;
    }
}
