namespace GrainDb.LoadTool.Workloads;

/// <summary>
/// Zipfian ranks by inversion (Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994), with
/// YCSB's exponent, and scattered over the key space so that the hot keys are not neighbours (YCSB's "scrambled zipfian").
/// </summary>
internal sealed class ZipfDistribution : IKeyDistribution
{
    /// <summary>The exponent.</summary>
    public const double Theta = 0.99;

    private readonly int _keys;
    private readonly double _zeta;
    private readonly double _eta;
    private readonly long _step;
    private readonly Random _random;

    /// <summary>A distribution over <paramref name="keys"/> keys.</summary>
    /// <param name="keys">Number of keys.</param>
    /// <param name="zeta">The result of <see cref="Zeta"/> for that number: computed once, used by all clients.</param>
    /// <param name="random">Source of chance.</param>
    public ZipfDistribution(int keys, double zeta, Random random)
    {
        (_keys, _zeta, _random) = (keys, zeta, random);
        _step = ScatterStep(keys);
        _eta = (1 - Math.Pow(2.0 / keys, 1 - Theta)) / (1 - (Zeta(Math.Min(2, keys)) / zeta));
    }

    /// <summary>The generalized harmonic number of <paramref name="keys"/> and <see cref="Theta"/>.</summary>
    public static double Zeta(int keys)
    {
        var sum = 0.0;
        for (var i = 1; i <= keys; i++)
            sum += 1 / Math.Pow(i, Theta);
        return sum;
    }

    /// <inheritdoc/>
    public int Next() => (int)(NextRank() * _step % _keys);

    /// <summary>A rank, 0 being the most frequent.</summary>
    public int NextRank()
    {
        var u = _random.NextDouble();
        var uz = u * _zeta;
        if (uz < 1 || _keys == 1)
            return 0;
        if (uz < 1 + Math.Pow(0.5, Theta) || _keys == 2)
            return 1;
        return Math.Min(_keys - 1, (int)(_keys * Math.Pow((_eta * u) - _eta + 1, 1 / (1 - Theta))));
    }

    /// <summary>
    /// The step that scatters ranks over keys: near the golden section of their number and without a common factor with it,
    /// so that <c>rank × step mod keys</c> is a bijection.
    /// </summary>
    private static long ScatterStep(int keys)
    {
        var step = (long)(keys * 0.6180339887498949) | 1;
        while (GreatestCommonDivisor(step, keys) != 1)
            step += 2;
        return step;
    }

    private static long GreatestCommonDivisor(long a, long b)
    {
        while (b != 0)
            (a, b) = (b, a % b);
        return a;
    }
}
