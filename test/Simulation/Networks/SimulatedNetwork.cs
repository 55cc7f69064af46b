using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Networks;

/// <summary>
/// Carries messages between processes: lost, late, repeated, out of order, and not at all over a link that is cut, which may be so in one
/// direction only. A request may be carried out although its answer is lost, or after its sender has given up.
/// </summary>
internal sealed class SimulatedNetwork(World world, Func<object?, string> describe)
{
    private readonly Random _random = world.NewRandom("network");
    private readonly Dictionary<string, SimulatedProcess> _processes = [];
    private readonly HashSet<(string From, string To)> _cut = [];

    /// <summary>Quality of all links.</summary>
    public LinkFaults Faults
    {
        get => IsMended ? LinkFaults.Good : field;
        set;
    } = LinkFaults.Good;

    /// <summary>Attaches the process that now answers under its name.</summary>
    public void Attach(SimulatedProcess process) => _processes[process.Name] = process;

    /// <summary>Nothing gets from one to the other any more; the other direction is not touched.</summary>
    public void Cut(string from, string to)
    {
        if (!IsMended)
            _cut.Add((from, to));
    }

    /// <summary>Takes one cut back.</summary>
    public void Mend(string from, string to) => _cut.Remove((from, to));

    /// <summary>Whether it stays whole from now on, whoever still wants to cut it.</summary>
    public bool IsMended { get; set; }

    /// <summary>Takes all cuts back.</summary>
    public void Heal() => _cut.Clear();

    /// <summary>Asks another process.</summary>
    /// <param name="from">Who asks, and where the answer is delivered.</param>
    /// <param name="to">Name of the process that is asked: whichever bears it when the request arrives.</param>
    /// <param name="what">For the trace.</param>
    /// <param name="handle">Runs as the process that is asked.</param>
    /// <param name="patience">After it the answer is null, whatever becomes of the request.</param>
    /// <param name="mayRepeat">Whether the request may arrive twice; clients' requests do not, since nobody but a client sends one again.</param>
    public Task<TAnswer?> CallAsync<TAnswer>(SimulatedProcess from, string to, string what, Func<ValueTask<TAnswer>> handle, TimeSpan patience, bool mayRepeat)
        where TAnswer : class
    {
        var answered = new TaskCompletionSource<TAnswer?>();
        world.Schedule(patience, from, () => answered.TrySetResult(null));
        Send(from.Name, to, what, onlyTo: null, mayRepeat, process => Answer(process, from, what, handle, answered));
        return answered.Task;
    }

    /// <summary>Tells another process something; nothing comes back.</summary>
    public void Tell(SimulatedProcess from, string to, string what, Action handle) => Send(from.Name, to, what, onlyTo: null, mayRepeat: true, _ => handle());

    private async void Answer<TAnswer>(
        SimulatedProcess process, SimulatedProcess from, string what, Func<ValueTask<TAnswer>> handle, TaskCompletionSource<TAnswer?> answered)
        where TAnswer : class
    {
        var answer = await handle();
        if (process.IsAlive)
            Send(process.Name, from.Name, $"answer to {what}: {(world.Trace.IsOn ? describe(answer) : null)}", from, mayRepeat: true, _ => answered.TrySetResult(answer));
    }

    /// <param name="from">Sender.</param>
    /// <param name="to">Receiver.</param>
    /// <param name="what">For the trace.</param>
    /// <param name="onlyTo">An answer is for the process that asked, not for its successor.</param>
    /// <param name="mayRepeat">Whether it may arrive twice.</param>
    /// <param name="deliver">Runs as the receiver.</param>
    private void Send(string from, string to, string what, SimulatedProcess? onlyTo, bool mayRepeat, Action<SimulatedProcess> deliver)
    {
        var copies = _random.NextDouble() < Faults.RepeatShare && mayRepeat ? 2 : 1;
        if (from != to && _random.NextDouble() < Faults.LossShare)
            copies--;
        for (var copy = 0; copy < copies; copy++)
            world.Schedule(Delay(from == to), owner: null, () => Arrive(from, to, what, onlyTo, deliver));
    }

    private void Arrive(string from, string to, string what, SimulatedProcess? onlyTo, Action<SimulatedProcess> deliver)
    {
        if (_cut.Contains((from, to)) || !_processes.TryGetValue(to, out var process) || !process.IsAlive || (onlyTo is not null && onlyTo != process))
        {
            if (world.Trace.IsOn)
                world.Trace.Write(world, null, $"lost {from} → {to}: {what}");
            return;
        }

        world.Schedule(TimeSpan.Zero, process, () =>
        {
            if (world.Trace.IsOn)
                world.Trace.Write(world, process, $"from {from}: {what}");
            deliver(process);
        });
    }

    private TimeSpan Delay(bool isLocal)
    {
        if (isLocal)
            return TimeSpan.FromMicroseconds(20);
        return _random.NextDouble() < Faults.LateShare
            ? Faults.LongDelay * _random.NextDouble()
            : Faults.Delay * (0.5 + _random.NextDouble());
    }
}
