using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas;

/// <summary>What the commands of callers are to a saga.</summary>
internal static class SagaCommands
{
    public static SagaProposal ToProposal(SagaCommand command, JsonElement payload, IdempotencyStamp? stamp, Action<SagaVerdict> done) => command.Kind switch
    {
        SagaCommandKind.Cancel => SagaProposal.Cancel(command.Actor, command.Reason, stamp, done),
        SagaCommandKind.Signal => SagaProposal.Signal(command.Target!, payload, stamp, done),
        _ => SagaProposal.Operator(ActionOf(command.Kind), command.Target, command.Actor, command.Reason, payload, stamp, done),
    };

    /// <summary>
    /// The steps that a command settles for good, with the direction of the call that must not act any more: the step of a person's word; at a manual end everything whose outcome is open.
    /// Nothing when the command would be refused.
    /// </summary>
    public static IReadOnlyList<(SagaStepState Step, bool IsUndo)> ToSettle(SagaCommand command, SagaState state)
    {
        if (command.Kind is not (SagaCommandKind.Skip or SagaCommandKind.MarkUndone or SagaCommandKind.Close) || SagaMachine.WhyNot(state, ActionOf(command.Kind), command.Target) is not null)
            return [];
        return
        [
            .. state.Steps
                .Where(step => command.Kind == SagaCommandKind.Close ? step.Status is SagaStepStatus.Scheduled or SagaStepStatus.Undoing : step.Step.Name == command.Target)
                .Select(step => (step, step.Status == SagaStepStatus.Undoing)),
        ];
    }

    private static SagaOperatorAction ActionOf(SagaCommandKind kind) => kind switch
    {
        SagaCommandKind.Pause => SagaOperatorAction.Pause,
        SagaCommandKind.Resume => SagaOperatorAction.Resume,
        SagaCommandKind.Close => SagaOperatorAction.Close,
        SagaCommandKind.Retry => SagaOperatorAction.Retry,
        SagaCommandKind.Skip => SagaOperatorAction.Skip,
        SagaCommandKind.MarkUndone => SagaOperatorAction.MarkUndone,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no action of a person"),
    };
}
