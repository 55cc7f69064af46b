using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;

namespace GrainDb.Grains.Orders;

/// <summary>Accounts and charges. <c>charge</c> takes an amount from an account that has it; <c>refund</c> gives it back.</summary>
internal sealed class PaymentService(Participant participant) : ISagaService
{
    public const string ServiceName = "payment";
    public const string Charge = "charge";
    public const string Refund = "refund";

    public static KeyspaceRows Rows { get; } = new(SystemKeyspaces.Payments);

    public string Name => ServiceName;

    public IReadOnlyDictionary<string, string?> Actions { get; } = new Dictionary<string, string?> { [Charge] = Refund };

    /// <summary>Row of an account's balance, in hundredths: an integer that increments keep.</summary>
    public static string BalanceKey(string account) => $"account/{account}";

    public Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken) =>
        OrderInput.Read<ChargeInput>(call.Input, out var problem) is { } input
            ? participant.CallAsync(Rows, call, new AccountCharge($"charge/{call.Saga}/{call.Step}", input), cancellationToken)
            : Task.FromResult(new SagaCallResult(SagaCallStatus.Bug, default, problem));

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        participant.SettleAsync(Rows, call, isDone, output, cancellationToken);
}
