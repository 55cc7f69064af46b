using System.Text.Json;

namespace GrainDb.Engine.Sagas;

/// <summary>What a step is to the saga's way back. In a definition the kinds stand in this order.</summary>
public enum SagaStepKind
{
    /// <summary>Can be undone by its compensation.</summary>
    Compensatable,

    /// <summary>The point of no return: once it is completed the saga only goes forward. At most one.</summary>
    Pivot,

    /// <summary>Behind the pivot: tried until it succeeds.</summary>
    Retriable,
}

/// <summary>How a step is tried again: exponential with full jitter, with a budget for each direction.</summary>
/// <param name="FirstPause">Upper bound of the first pause.</param>
/// <param name="Factor">Growth of the bound, at least 1.</param>
/// <param name="LongestPause">The bound grows no further.</param>
/// <param name="ForwardAttempts">Attempts of the step.</param>
/// <param name="BackwardAttempts">Attempts of its compensation.</param>
public sealed record SagaRetry(TimeSpan FirstPause, double Factor, TimeSpan LongestPause, int ForwardAttempts, int BackwardAttempts)
{
    /// <summary>200 ms, doubled up to 30 s; 8 attempts forward, 20 backward.</summary>
    public static readonly SagaRetry Default = new(TimeSpan.FromMilliseconds(200), 2, TimeSpan.FromSeconds(30), 8, 20);

    /// <summary>The pause after a number of failed attempts: uniform between nothing and the bound (Brooker, "Exponential Backoff And Jitter", 2015).</summary>
    /// <param name="failed">Failed attempts so far, at least 1.</param>
    /// <param name="jitter">Uniform in [0, 1).</param>
    public TimeSpan PauseAfter(int failed, double jitter)
    {
        var bound = FirstPause.TotalMilliseconds * Math.Pow(Factor, Math.Min(failed - 1, 64));
        return TimeSpan.FromMilliseconds(Math.Min(bound, LongestPause.TotalMilliseconds) * jitter);
    }
}

/// <summary>One step of a definition.</summary>
/// <param name="Name">Unique in the definition.</param>
/// <param name="Service">Who carries it out, by name in the registry.</param>
/// <param name="Action">What the service is asked to do.</param>
/// <param name="Compensation">What the service is asked to undo it; null for nothing. Every compensatable step has one.</param>
/// <param name="Kind">What it is to the way back.</param>
/// <param name="Group">Neighbours with the same group run in parallel; null for a step of its own.</param>
/// <param name="Timeout">How long one attempt may take until its outcome counts as unknown.</param>
/// <param name="Retry">How it is tried again.</param>
/// <param name="WaitFor">A signal without which it does not begin; null for none.</param>
/// <param name="Input">Template of the service's input, see <see cref="SagaTemplate"/>; undefined for the saga's input as it is.</param>
public sealed record SagaStep(
    string Name,
    string Service,
    string Action,
    string? Compensation,
    SagaStepKind Kind,
    string? Group,
    TimeSpan Timeout,
    SagaRetry Retry,
    string? WaitFor,
    JsonElement Input);
